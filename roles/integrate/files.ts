/** Files that heartbeat reads only when it starts. */
export const heartbeatFiles = ['/etc/ha.d/ha.cf', '/etc/ha.d/authkeys', '/etc/ha.d/haresources']
