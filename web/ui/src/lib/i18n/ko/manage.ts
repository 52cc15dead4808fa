/** Usage, the record, what this computer lends. */

import type { Words } from '../en';
import { number } from './number';

export const manage: Words['manage'] = {
  label: '이 화면의 부분',
  checkUp: '점검',
  keys: '접근 키',
  providers: '제공자',
  record: '기록',
  usage: '사용량',
  settings: '설정',
};

export const usage: Words['usage'] = {
  title: '사용량',
  about: '누가 무엇을 어디서 얼마나 썼고, 얼마가 들었는지. 물어본 내용은 남지 않습니다.',
  csv: 'CSV로 저장',
  sort: '나누는 기준',
  sorts: { model: '모델', place: '도운 곳', person: '사람', key: '키', day: '날짜' },
  span: '기간',
  days: (n) => `${n}일`,
  summary: (requests, tokens, cost) =>
    `요청 ${number(requests)}번, 토큰 ${tokens}개${cost === null ? '' : `, ${cost}`}`,
  requests: '요청',
  failed: '실패',
  prompt: '넣은 토큰',
  answer: '나온 토큰',
  cost: '비용',
  unknown: '알 수 없음',
  nobody: '정해진 사람 없음',
  noKey: '이 컴퓨터의 프로그램',
  unpriced: (n) => `요청 ${number(n)}번은 가격을 알 수 없어 비용에 넣지 않았습니다.`,
  kept: '비용은 제공자의 정가로 셈한 미국 달러입니다. 사무실의 컴퓨터에는 가격이 없습니다. 날짜는 UTC입니다.',
  none: '이 기간에는 쓴 것이 없습니다',
  noneNext: '이 컴퓨터에 물어본 것을 누가 물었고 어디서 답했는지 여기에 셉니다.',
  course: {
    title: '그동안의 흐름',
    length: '기간',
    lengths: { hours: '3시간', day: '하루', week: '한 주' },
    requests: '요청',
    failed: '실패',
    speed: '쓰는 속도',
    median: '첫 낱말까지, 절반은 이 안에',
    slowest: '첫 낱말까지, 100번 중 99번은 이 안에',
    told: (last, most) => `지금 ${last}, 가장 많을 때 ${most}`,
    nothing: '아직 없음',
    places: '물어볼 수 있던 곳',
    up: (share) => `${share}의 시간`,
    none: '아직 첫 1분이 지나지 않았습니다.',
  },
};

export const record: Words['record'] = {
  title: '기록',
  about:
    '누가 누구를 들였고, 누가 키를 만들었고, 누가 무엇을 어디서 돌렸는지. 물어본 내용은 남지 않습니다.',
  none: '아직 기록이 없습니다',
  noneNext: '이제부터 하는 일이 여기에 나타납니다.',
  noneShown: '여기에 맞는 기록이 없습니다.',
  shown: '무엇을 볼까요',
  filters: { all: '모두', people: '바뀐 것', jobs: '작업' },
  person: '사람',
  everybody: '모두',
  csv: 'CSV로 저장',
  jsonl: 'JSON Lines로 저장',
  more: '더 보기',
  kept: '이 컴퓨터는 작업 20,000개와 바뀐 것 4,096개를 보관하고, 오래된 것부터 지웁니다. 다른 컴퓨터는 저마다 보관합니다.',
  void: '효력 없음',
  byKey: (id) => `키 ${id}로`,
  acts: {
    founded: (name) => `‘${name}’를 시작함`,
    admitted: (name, grants) => `${name} 컴퓨터를 들임 (${grants})`,
    roles_set: (name, grants) => `${name} 컴퓨터가 할 수 있는 일을 바꿈: ${grants}`,
    removed: (name) => `${name} 컴퓨터를 내보냄`,
    invited: (name, grants) => `컴퓨터 ${name}대를 위한 초대장을 만듦 (${grants})`,
    withdrawn: () => '초대장을 거둠',
    key_made: (name, grants) => `‘${name}’ 키를 만듦 (${grants})`,
    key_changed: (name, grants) => `‘${name}’ 키를 바꿈 (${grants})`,
    key_revoked: (name) => `‘${name}’ 키를 폐기함`,
    lending_set: (name) => `빌려주기를 ‘${name}’로 바꿈`,
    started: (name) => `품앗이 ${name} 시작됨`,
  },
  asked: (model, place) => `${model}에 물어봄, ${place}에서`,
  ran: (model, owner) => `${model}, ${owner}의 부탁`,
  nowhere: '컴퓨터 없음',
  sizes: (prompt, answer) => `토큰 ${prompt} + ${answer}개`,
  outcomes: { completed: '마침', failed: '실패', cancelled: '취소됨' },
};

export const lending: Words['lending'] = {
  title: '다른 사람 일 돕기',
  choices: { accepting: '돕기', paused: '잠시 멈춤', draining: '비우기' },
  accepting: '다른 사람의 작업이 여기서 실행될 수 있습니다.',
  paused: '새 작업은 받지 않습니다. 하던 일은 마치고, 내 작업은 그대로 됩니다.',
  pausedFor: (time) =>
    `${time} 동안 새 작업은 받지 않습니다. 하던 일은 마치고, 내 작업은 그대로 됩니다.`,
  draining: '아무 작업도 새로 받지 않습니다. 기다리던 일은 돌려주고, 하던 일은 마칩니다.',
  drained: '여기서 하는 일이 없습니다. 이 컴퓨터를 꺼도 됩니다.',
  holds: {
    told: '다른 사람의 새 작업을 받지 않습니다.',
    schedule: '지금은 빌려주는 시간이 아닙니다.',
    battery: '배터리를 쓰는 동안에는 빌려주지 않습니다.',
    in_use: '지금 쓰고 계셔서 다른 사람의 작업은 멈추거나 다른 곳으로 갑니다.',
  },
  yields: {
    pause: '쓰시는 동안 다른 사람의 작업은 멈춥니다.',
    slow: '쓰시는 동안 다른 사람의 작업은 천천히 합니다.',
    none: '쓰시는 동안에도 다른 사람의 작업은 느려지지 않습니다.',
  },
  yielding: (n) => `지금 다른 사람의 작업 ${number(n)}개가 양보하고 있습니다.`,
  schedule: (text) => `빌려주는 시간: ${text}.`,
  cap: (size) => `다른 사람의 모델은 ${size}까지만 씁니다.`,
};
