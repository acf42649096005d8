export { default as hosts } from './hosts.ts'
export { default as ntp } from './ntp.ts'
export { default as routes } from './routes.ts'
