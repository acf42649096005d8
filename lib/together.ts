import type { CheckHost } from './task.ts'

/** Questions of one kind that one command can answer. */
export interface Together<Q, A> {
  /** Asks all of them; answers in their order. Rejects where it cannot tell which answer is whose. */
  readonly ask: (host: CheckHost, questions: readonly Q[]) => Promise<readonly A[]>
}

interface Waiting {
  readonly question: unknown
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** More than this in one command would make its line too long for the host. */
const most = 200

const waitingOf = new WeakMap<CheckHost, Map<Together<never, unknown>, Waiting[]>>()

/**
 * Asks what other checks ask of the same host at this moment too, in one command. Where that
 * fails, each question is asked by itself, so that every task hears of its own trouble only.
 */
export function together<Q, A>(host: CheckHost, kind: Together<Q, A>, question: Q): Promise<A> {
  const kinds = waitingOf.get(host) ?? new Map<Together<never, unknown>, Waiting[]>()
  waitingOf.set(host, kinds)
  return new Promise<A>((resolve, reject) => {
    const one: Waiting = { question, resolve: resolve as Waiting['resolve'], reject }
    const others = kinds.get(kind)
    if (others) {
      others.push(one)
      return
    }
    const all = [one]
    kinds.set(kind, all)
    // All checks that begin at this moment have asked when this runs.
    queueMicrotask(() => {
      kinds.delete(kind)
      for (let from = 0; from < all.length; from += most) {
        void settle(host, kind as Together<unknown, unknown>, all.slice(from, from + most))
      }
    })
  })
}

async function settle(
  host: CheckHost,
  kind: Together<unknown, unknown>,
  all: readonly Waiting[],
): Promise<void> {
  try {
    const answers = await kind.ask(
      host,
      all.map(({ question }) => question),
    )
    if (answers.length !== all.length) {
      throw new Error(`Expected ${all.length} answers, got ${answers.length}`)
    }
    all.forEach(({ resolve }, index) => {
      resolve(answers[index])
    })
  } catch (error) {
    const [one] = all
    if (all.length === 1) one?.reject(error)
    else await Promise.all(all.map((single) => settle(host, kind, [single])))
  }
}
