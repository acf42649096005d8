/** Where the nodes keep programs of ours that several roles install or use. */
export const libFolder = '/usr/local/lib/tandem'
/** `drbdadm adjust` and `connect`, but the shared secret is in no list of processes. */
export const drbdProgram = `${libFolder}/drbd`
