export { default } from '../../../playbooks/switchover.ts'
