/** English. Sentences of an office: what happened, what it means, what to do. */

import { ask, picker, answer } from './en/ask';
import { chat } from './en/chat';
import { checkUp } from './en/checkUp';
import { hub } from './en/hub';
import { inspect } from './en/inspect';
import { jobs, why } from './en/jobs';
import { keys } from './en/keys';
import { manage, usage, record, lending } from './en/manage';
import { mesh } from './en/mesh';
import { models } from './en/models';
import { palette, settings } from './en/palette';
import { providers } from './en/providers';
import { routing } from './en/routing';
import { nav, missing, preferences, connection } from './en/shell';
import { trouble } from './en/trouble';

export const en = {
  language: 'English',
  units: { tokensPerSecond: (n: string) => `${n} tokens/s` },
  nav,
  missing,
  preferences,
  connection,
  ask,
  picker,
  chat,
  mesh,
  models,
  inspect,
  hub,
  why,
  jobs,
  manage,
  palette,
  settings,
  checkUp,
  keys,
  providers,
  routing,
  usage,
  record,
  lending,
  trouble,
  answer,
} as const;

/** The same keys with any text: what every language must provide. */
type Spoken<T> = T extends string
  ? string
  : T extends (...given: infer Given) => string
    ? (...given: Given) => string
    : T extends readonly string[]
      ? readonly string[]
      : { [Key in keyof T]: Spoken<T[Key]> };

export type Words = Spoken<typeof en>;
