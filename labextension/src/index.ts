import containers from './plugins/containers';
import gallery from './plugins/gallery';
import kernels from './plugins/kernels';
import panel from './plugins/panel';
import wizard from './plugins/wizard';

export default [containers, wizard, panel, gallery, kernels];
