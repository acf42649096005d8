import { verifyOf } from '../roles/verify/index.ts'
import service from '../roles/verify/service.ts'
import watch from '../roles/verify/watch.ts'
import site from './site.ts'

export default verifyOf(site, service, watch)
