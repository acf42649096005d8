/** Where the nodes keep programs of ours that several roles install or use. */
export const libFolder = '/usr/local/lib/tandem'
