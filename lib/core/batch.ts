import type { CheckHost } from './task.ts'

/** In place of an answer: this question is better asked by itself. */
export const unclear = Symbol('unclear')

/** Questions of one kind that one command can answer. */
export interface Batch<Q, A> {
  readonly alone: (host: CheckHost, question: Q) => Promise<A>
  /** Asks several at once; answers in their order. Where it rejects, all are unclear. */
  readonly all: (
    host: CheckHost,
    questions: readonly Q[],
  ) => Promise<readonly (A | typeof unclear)[]>
}

interface Waiting {
  readonly question: unknown
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** More than this in one command would make its line too long for the host. */
const most = 200

const waitingOf = new WeakMap<CheckHost, Map<Batch<never, unknown>, Waiting[]>>()

/**
 * Asks what other checks ask of the same host at this moment too, in one command. What that leaves
 * unclear is asked by itself, so that every task hears of its own trouble only.
 */
export function inBatch<Q, A>(host: CheckHost, kind: Batch<Q, A>, question: Q): Promise<A> {
  const kinds = waitingOf.get(host) ?? new Map<Batch<never, unknown>, Waiting[]>()
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
        void settle(host, kind as Batch<unknown, unknown>, all.slice(from, from + most))
      }
    })
  })
}

async function settle(
  host: CheckHost,
  kind: Batch<unknown, unknown>,
  waiting: readonly Waiting[],
): Promise<void> {
  const questions = waiting.map(({ question }) => question)
  const answers =
    questions.length === 1 ? [unclear] : await kind.all(host, questions).catch(() => undefined)
  waiting.forEach(({ question, resolve, reject }, index) => {
    const answer = answers && index in answers ? answers[index] : unclear
    if (answer !== unclear) resolve(answer)
    else kind.alone(host, question).then(resolve, reject)
  })
}
