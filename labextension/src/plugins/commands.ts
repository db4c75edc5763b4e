/** The ids of this extension's commands. */
export namespace CommandIDs {
  export const containerize = 'kernel-containers:containerize';
  export const containerizeFile = 'kernel-containers:containerize-file';
  export const publish = 'kernel-containers:publish-notebook';
  export const showPanel = 'kernel-containers:show-panel';
  export const addKernel = 'kernel-containers:add-kernel';
}
