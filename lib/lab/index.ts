export { type ExecOptions, exec, ssh, sshArgv } from './guest-shell.ts'
export type { Packages } from './image/recipe.ts'
export { cut, heal } from './links.ts'
export {
  type Environment,
  type LabOptions,
  type LabProgress,
  labPaths,
} from './model/lab-options.ts'
export {
  bmcPasswords,
  type Lab,
  type LabMachine,
  type Level,
  levels,
  readLab,
} from './model/state.ts'
export { linksOf, namesOf, type Topology } from './model/topology.ts'
export { destroy, down, freeze, powerOff, powerOn, thaw } from './power.ts'
export type { Acceleration } from './processes/argv.ts'
export type { Power } from './running.ts'
export { dropSnapshot, reset, saveSnapshot } from './snapshot.ts'
export { type LabStatus, type MachineStatus, status } from './status.ts'
export { up } from './up.ts'
