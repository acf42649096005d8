import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../lib/core/errors.ts'
import { templates } from '../../lib/resources/index.ts'
import { render } from '../../lib/resources/template.ts'
import { converge, inDirectory, me } from './host.ts'

const name = 'roles/x/templates/ha.cf.hbs'

describe('templates', () => {
  test('render a file of the role, found beside it', () =>
    inDirectory(async (dir) => {
      await mkdir(join(dir, 'templates'))
      await writeFile(join(dir, 'templates', 'ha.cf.hbs'), 'node {{node}}\n')
      const [template, path] = [templates(dir), join(dir, 'ha.cf')]
      const task = template('ha.cf', path, { node: 'm1' }, { ...me, mode: 0o600 })
      expect(task.title).toBe(`file ${path}`)
      expect(await converge(task)).toBeDefined()
      expect(await readFile(path, 'utf8')).toBe('node m1\n')
      expect(await converge(task)).toBeUndefined()
    }))

  test('that do not exist are a mistake in the role', () => {
    expect(() => templates('/nowhere')('x', '/x', {})).toThrow(UsageError)
    expect(() => templates('/nowhere')('x', '/x', {})).toThrow('/nowhere/templates/x.hbs cannot be')
  })

  const rendered: [string, string, object, string][] = [
    ['text as it is, not as HTML', '{{a}}', { a: `a=b & "c" <d>` }, `a=b & "c" <d>`],
    ['fields', '{{a.b.c}}', { a: { b: { c: 1 } } }, '1'],
    ['numbers side by side', '{{a}}{{b}}', { a: 1, b: 2 }, '12'],
    ['lists', '{{#each l}}{{this}}{{#unless @last}},{{/unless}}{{/each}}', { l: [1, 2] }, '1,2'],
    ['lists of objects', '{{#each l}}{{n}}{{../m}} {{/each}}', { l: [{ n: 1 }], m: 2 }, '12 '],
    ['maps', '{{#each o}}{{@key}}={{this}};{{/each}}', { o: { a: 1 } }, 'a=1;'],
    ['block parameters', '{{#each l as |x|}}{{x.n}}{{/each}}', { l: [{ n: 1 }] }, '1'],
    ['an empty list and its else', '{{#each l}}x{{else}}none{{/each}}', { l: [] }, 'none'],
    ['false, zero and empty', '{{#if a}}1{{/if}}{{b}}{{c}}', { a: false, b: 0, c: '' }, '0'],
    ['the length of a list', '{{l.length}}', { l: [1, 2, 3] }, '3'],
    ['whole lines of blocks without blanks', '{{#if a}}\nx\n{{/if}}\ny\n', { a: true }, 'x\ny\n'],
    ['nothing of a comment', 'a{{! links }}b', {}, 'ab'],
  ]
  for (const [title, text, data, result] of rendered) {
    test(`render ${title}`, () => expect(render(text, data, name)).toBe(result))
  }

  const missing: [string, string, object, number, string][] = [
    ['printed', 'a\nb\n{{links}}', {}, 3, 'links'],
    ['in #if', 'a\n{{#if links}}1{{/if}}', {}, 2, 'links'],
    ['in #unless', '{{#unless links}}1{{/unless}}', {}, 1, 'links'],
    ['in #each', 'a\n\n\n{{#each links}}{{/each}}', {}, 4, 'links'],
    ['in #with', '{{#with links}}{{/with}}', {}, 1, 'links'],
    ['as a block', '{{#links}}{{/links}}', {}, 1, 'links'],
    ['as a field', '\n{{heartbeat.key}}', { heartbeat: {} }, 2, 'heartbeat.key'],
    ['as the owner of a field', '\n{{heartbeat.key}}', {}, 2, 'heartbeat'],
    ['in #if as a field', '\n{{#if a.b}}{{/if}}', { a: {} }, 2, 'a.b'],
    ['in #if as the owner of a field', '\n{{#if a.b}}{{/if}}', {}, 2, 'a'],
    ['inside #each', '{{#each l}}\n{{name}}{{/each}}', { l: [{}] }, 2, 'l[0].name'],
    [
      'inside #if inside #each',
      '{{#each l}}\n{{#if up}}{{/if}}{{/each}}',
      { l: [{}] },
      2,
      'l[0].up',
    ],
    ['of a block parameter', '{{#each l as |x|}}\n{{x.q}}{{/each}}', { l: [{}] }, 2, 'l[0].q'],
    ['one level up', '{{#each l}}\n{{../z}}{{/each}}', { l: [1] }, 2, 'z'],
    ['given as undefined', '{{links}}', { links: undefined }, 1, 'links'],
    ['given as undefined to #if', '{{#if links}}{{/if}}', { links: undefined }, 1, 'links'],
    ['in an argument', '\n{{#if (lookup a b)}}{{/if}}', { a: {} }, 2, 'b'],
  ]
  for (const [title, text, data, line, variable] of missing) {
    test(`refuse a variable that does not exist, ${title}`, () => {
      const error = `template ${name} line ${line}: variable \`${variable}\` does not exist`
      expect(() => render(text, data, name)).toThrow(new UsageError(error))
    })
  }

  test('refuse to print an object, an unknown helper and a syntax error', () => {
    expect(() => render('{{o}}', { o: {} }, name)).toThrow(
      `template ${name} line 1: prints an object: \`o\``,
    )
    expect(() => render('\n{{l}}', { l: [1] }, name)).toThrow('line 2: prints a list: `l`')
    expect(() => render('{{n}}', { n: null }, name)).toThrow('line 1: prints null: `n`')
    expect(() => render('{{#if (shout a)}}{{/if}}', { a: 1 }, name)).toThrow(UsageError)
    expect(() => render('{{#if}', {}, name)).toThrow(`template ${name} is not valid`)
  })
})
