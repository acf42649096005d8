/** Fixed ports of the NFS 3 helpers; by themselves they choose others at every start and on every node. */
export const ports = { mountd: 892, statd: 662, lockd: 32803 } as const

/** Where the kernel and the NFS daemons talk to each other. */
export const pipefs = '/run/rpc_pipefs'
