export { topology } from '../../../inventory/topology.ts'
