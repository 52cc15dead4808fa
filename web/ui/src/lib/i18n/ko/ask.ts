/** Asking and answers. */

import type { Words } from '../en';
import { number } from './number';

export const ask: Words['ask'] = {
  title: '무엇을 거들어 드릴까요?',
  placeholder: '무엇이든 물어보세요',
  more: '이어서 묻기',
  send: '묻기',
  stop: '멈추기',
  hint: 'Enter로 보내고, Shift + Enter로 줄을 바꿉니다.',
  tryThese: '이렇게 시작해 보세요',
  examples: [
    'upper: hello neighbours',
    'reverse: persimmon',
    'count: persimmons',
    'What is Pumasi?',
  ],
  talks: '나의 대화',
  recent: '사무실의 최근 작업',
  allJobs: '모든 작업',
};

export const picker: Words['picker'] = {
  label: '모델',
  choose: '어떤 모델이 답할까요',
  ready: '바로 가능',
  soon: (time) => `약 ${time} 뒤 가능`,
  loading: (percent) => `불러오는 중, ${percent}`,
  loads: (time) => `먼저 불러옵니다, 약 ${time}`,
  loadsUnknown: '먼저 불러옵니다',
  nowhere: '지금 실행할 수 있는 컴퓨터가 없음',
  starter: '기본 제공',
  none: '아직 모델이 없음',
  noneNext: '대화할 수 있는 모델을 가진 컴퓨터가 없습니다. 한 대에 GGUF 파일을 넣어 주세요.',
  seeModels: '모델 보기',
  speed: (rate) => `쓰는 속도 약 ${rate}`,
  find: '모델 찾기',
  noneFound: '이름에 그 글자가 든 모델이 없습니다.',
  office: '사무실 안',
  standFor: '모델을 대신하는 이름',
  standsFor: (chain) => `실제 모델: ${chain}`,
  then: ', 다음 ',
};

export const answer: Words['answer'] = {
  you: '나',
  by: (model) => `${model}의 답`,
  waiting: '한가한 컴퓨터를 찾는 중 …',
  placed: (computer) => `${computer}에서 답을 준비하는 중 …`,
  thinking: '생각하는 중 …',
  thought: (time) => `${time} 동안 생각함`,
  thoughtPlain: '생각한 내용',
  answeredBy: '도와준 컴퓨터',
  why: '왜 여기서?',
  first: (time) => `첫 글자까지 ${time}`,
  firstMeans: '질문을 보낸 때부터 답의 첫 글자가 나올 때까지 걸린 시간입니다.',
  speedMeans: '답을 쓴 속도입니다.',
  tokens: (n) => `토큰 ${number(n)}개`,
  moved: '도중에 이어받음',
  movedMeans: '처음 컴퓨터가 계속할 수 없어, 멈춘 곳부터 이 컴퓨터가 이어받았습니다.',
  again: '다시 묻기',
  copy: '복사',
  copied: '복사됨',
  stopped: '멈추었습니다. 여기까지 쓴 내용은 남습니다.',
  cut: '답이 허용된 길이에 이르러 여기서 끊겼습니다.',
  gone: '그런 대화가 없습니다',
  goneNext: '지웠거나 다른 컴퓨터의 대화일 수 있습니다.',
  startNew: '새로 묻기',
  log: '대화',
  code: '코드',
};
