/** 한국어. 사무실의 말로: 무슨 일이 있었고, 무슨 뜻이며, 무엇을 하면 되는지. */

import type { Words } from './en';
import { ask, picker, answer } from './ko/ask';
import { chat } from './ko/chat';
import { checkUp } from './ko/checkUp';
import { hub } from './ko/hub';
import { inspect } from './ko/inspect';
import { jobs, why } from './ko/jobs';
import { keys } from './ko/keys';
import { manage, usage, record, lending } from './ko/manage';
import { mesh } from './ko/mesh';
import { models } from './ko/models';
import { palette, settings } from './ko/palette';
import { providers } from './ko/providers';
import { routing } from './ko/routing';
import { nav, missing, preferences, connection } from './ko/shell';
import { trouble } from './ko/trouble';

export const ko: Words = {
  language: '한국어',
  units: { tokensPerSecond: (n) => `초당 ${n}토큰` },
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
};
