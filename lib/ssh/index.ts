export { type Connection, type ConnectOptions, connect } from './connect.ts'
export { type ExecOptions, exec } from './exec.ts'
export { quote } from './quote.ts'
