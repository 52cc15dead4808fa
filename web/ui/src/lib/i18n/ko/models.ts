/** Models. */

import type { Words } from '../en';
import { number } from './number';

export const models: Words['models'] = {
  title: '모델',
  about: '이곳의 컴퓨터들이 쓸 수 있는 모델입니다. 어느 컴퓨터에 있든 모두가 함께 씁니다.',
  none: '아직 모델이 없습니다',
  noneNext: '허브에서 받거나 `pumasi models import`로 파일을 가져오세요.',
  size: '크기',
  context: '기억 길이',
  contextMeans: '모델이 한 번에 기억하는 대화의 길이입니다. 질문과 답을 합한 값입니다.',
  rateMeans: '그곳에서 답 하나를 쓰는 속도입니다.',
  tokens: (n) => `토큰 ${n}개`,
  ask: '물어보기',
  where: (n, awake) => `컴퓨터 ${number(n)}대에 있음, ${number(awake)}대에서 준비됨`,
  can: {
    generate: '답하기',
    embed: '글 비교',
    tools: '도구 쓰기',
    thinking: '먼저 생각하기',
    vision: '그림 보기',
    image: '그림 그리기',
  },
  elsewhere: (n) => `모델 ${number(n)}개`,
  names: (n) => `이름 ${number(n)}개`,
  load: '깨우기',
  unload: '쉬게 하기',
  places: {
    held: '쉬는 중',
    loading: (percent) => `깨우는 중, ${percent}`,
    loaded: '준비됨',
    busy: (busy, slots) => `준비됨, 자리 ${slots}개 중 ${busy}개 사용`,
    unusable: '쓸 수 없음: 파일이 손상되었거나 이 컴퓨터에 맞지 않음',
  },
};
