import containers from './plugins/containers';
import kernels from './plugins/kernels';
import panel from './plugins/panel';
import wizard from './plugins/wizard';

export default [containers, wizard, panel, kernels];
