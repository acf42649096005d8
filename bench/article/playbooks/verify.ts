import { verifyOf } from '../../../roles/verify/index.ts'
import site from './site.ts'

export default verifyOf(site)
