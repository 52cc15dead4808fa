/** Which place is asked first. */

import type { Words } from '../en';
import { number } from './number';

export const routing: Words['routing'] = {
  title: '누구에게 물을까요',
  policy: '사무실과 제공자에 모두 있는 모델일 때',
  policies: {
    mesh_first: '사무실 먼저',
    cloud_first: '제공자 먼저',
    cloud_when_full: '사무실이 바쁠 때만 제공자',
    never_cloud: '사무실 밖으로 내보내지 않기',
  },
  means: {
    mesh_first: '사무실의 컴퓨터가 답하고, 안 될 때만 제공자에게 묻습니다.',
    cloud_first: '제공자가 답하고 돈이 듭니다. 안 될 때는 사무실의 컴퓨터가 이어받습니다.',
    cloud_when_full: '사무실의 컴퓨터가 답하고, 기다리는 시간이 너무 길 때만 제공자에게 묻습니다.',
    never_cloud: '사무실 밖의 제공자에게는 그곳의 모델도 묻지 않습니다. 그 모델은 보이지 않습니다.',
  },
  full: '기다림이 너무 길다고 볼 시간',
  seconds: '초 넘게',
  standIn: '대신 답할 모델',
  standInMeans:
    '제공자가 실패하거나 물을 수 없을 때, 이 가운데 사무실에 있는 첫 모델이 대신 답합니다.',
  noStandIn: '대신할 모델이 없습니다. 제공자가 실패하면 질문도 실패합니다.',
  absent: '지금 사무실에 없음',
  add: '모델 더하기',
  up: (name) => `${name} 위로`,
  down: (name) => `${name} 아래로`,
  drop: (name) => `${name} 빼기`,
  aliases: '모델을 대신하는 이름',
  aliasesMean:
    '프로그램은 이 이름으로 묻고, 그 모델 가운데 답할 수 있는 첫 모델이 답합니다. 프로그램을 고치지 않고 모델을 바꿀 수 있습니다.',
  aliasNone: '아직 그런 이름이 없습니다.',
  aliasAdd: '이름 더하기',
  aliasChange: (name) => `${name} 바꾸기`,
  aliasRemove: (name) => `${name} 지우기`,
  aliasName: '이름',
  aliasTaken: '이미 있는 이름입니다. 그 모델이 바뀝니다.',
  aliasModel: '같은 이름의 모델이 있습니다. 그 이름으로 물으면 여기서 고른 모델이 답합니다.',
  aliasChain: '이 순서로 대신함',
  aliasEmpty: '모델을 하나 이상 골라 주세요.',
  aliasSave: '이름 저장',
  most: (n) => `${number(n)}개까지입니다.`,
  tries: {
    title: '제공자가 답하지 못할 때',
    means:
      '먼저 다른 곳에 모두 묻습니다. 남은 곳이 없으면, 답이 조금이라도 오기 전에 한해 잠깐 바쁜 곳에 다시 묻습니다.',
    retries: '한 질문을 다시 묻는 횟수',
    wait_ms: '그동안 기다리는 시간(초)',
    retry_percent: '제공자에게 한 질문 가운데 다시 묻는 몫(%)',
    retry_burst: '그 밖에 1분마다 더 물을 수 있는 횟수',
    late: '제공자가 늦을 때',
    hedge: '다른 제공자에게도 묻기',
    hedgeMeans: '먼저 답하기 시작한 쪽이 답하고, 다른 쪽은 멈춥니다.',
    hedge_after_ms: '첫마디가 없는 시간(초)',
    paid: '둘 가운데 하나가 사무실 밖에 있어도',
    paidMeans: '그때는 둘 다 질문을 보고, 둘 다 요금을 받을 수 있습니다.',
  },
  findLocal: '이 컴퓨터의 모델 서버를 저절로 찾기',
  findLocalMeans:
    'Ollama, LM Studio, vLLM, llama.cpp를 이 컴퓨터의 흔한 포트에서 키 없이 찾습니다.',
  rehearsal: '클라우드가 멈춘 것처럼 하기',
  rehearsalMeans:
    '연습입니다. 끌 때까지 사무실 밖에는 아무것도 묻지 않고, 그때 어떻게 될지 보여 줍니다.',
  rehearsing: '연습 중: 사무실 밖의 제공자는 멈춘 것으로 칩니다.',
  endRehearsal: '연습 끝내기',
  failing: {
    none: '실패할 것이 없습니다. 사무실 밖의 제공자가 없습니다.',
    stoodIn: (name) => `실패할 것이 없습니다. ${name} 모델이 대신합니다.`,
    some: (n) => `모델 ${number(n)}개에 물으면 실패합니다:`,
    next: '대신 답할 모델을 고르면 답을 받을 수 있습니다.',
  },
  failingNow: {
    none: '실패하는 것이 없습니다. 사무실 밖의 제공자가 없습니다.',
    stoodIn: (name) => `실패하는 것이 없습니다. ${name} 모델이 대신합니다.`,
    some: (n) => `지금 모델 ${number(n)}개에 물으면 실패합니다:`,
  },
  andMore: (n) => `그 밖에 ${number(n)}개`,
};
