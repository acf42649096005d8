// What a BMC does with its machine: ipmi_sim calls it for every question and order, as
// `chassis.mjs QMP-SOCKET … get power`, `… set power 0|1` or `… set reset 1`. It works QEMU through
// a control socket that nobody else uses, and never waits for a command of the lab.
import { connect } from 'node:net'

/** As long as IPMI's own clients wait before they ask again, in milliseconds. */
const patienceMs = 4_000

/** @typedef {(command: string) => Promise<any>} Execute */

/** Opens the control socket; undefined where no QEMU listens: the plug is pulled. @param {string} path @returns {Promise<Execute | undefined>} */
function open(path) {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    /** @type {((answer: any) => void)[]} */
    const waiting = []
    let text = ''
    /** @type {Execute} */
    const execute = (command) =>
      new Promise((answered, refused) => {
        waiting.push(({ return: value, error }) =>
          error ? refused(new Error(error.desc)) : answered(value),
        )
        socket.write(`${JSON.stringify({ execute: command })}\n`)
      })
    socket.once('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else reject(error)
    })
    // In the middle of an order: off is what it is now, and the next question says so.
    socket.once('close', () => {
      for (const one of waiting) one({ error: { desc: 'QEMU has ended' } })
    })
    socket.setEncoding('utf8').on('data', (piece) => {
      const lines = (text + piece).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines.filter((one) => one.trim() !== '')) {
        const said = JSON.parse(line)
        if (said.QMP) execute('qmp_capabilities').then(() => resolve(execute), reject)
        else if (!said.event) waiting.shift()?.(said)
      }
    })
  })
}

/** @param {Execute} execute */
const isOff = async (execute) => (await execute('query-status')).status === 'prelaunch'

/** Off as without power: the processor stands still, and what it did is forgotten. @param {Execute} execute */
async function off(execute) {
  if (await isOff(execute)) return
  await execute('stop')
  await execute('system_reset')
  // The reset is done a moment after it was ordered, and only then is the machine off.
  while (!(await isOff(execute)));
}

/** Only a machine that is off: one that is frozen is on, and `on` changes nothing. @param {Execute} execute */
async function on(execute) {
  if (await isOff(execute)) await execute('cont')
}

/** @param {Execute} execute */
async function reset(execute) {
  if (await isOff(execute)) return
  await off(execute)
  await execute('cont')
}

/** @param {string[]} words */
async function main([path = '', ...words]) {
  const order = words.slice(words.findIndex((word) => word === 'get' || word === 'set')).join(' ')
  const execute = await open(path)
  if (order === 'get power') return `power:${execute && !(await isOff(execute)) ? 1 : 0}`
  const work = { 'set power 0': off, 'set power 1': on, 'set reset 1': reset }[order]
  if (!work) throw new Error(`Expected an order of ipmi_sim, got ${order}`)
  // A pulled plug: what is off stays off, and cannot be turned on.
  if (execute) await work(execute)
  return ''
}

setTimeout(() => {
  console.error('QEMU did not answer')
  process.exit(1)
}, patienceMs)
main(process.argv.slice(2)).then(
  (text) => {
    process.stdout.write(`${text}\n`, () => process.exit(0))
  },
  (error) => {
    console.error(error.message)
    process.exit(1)
  },
)
