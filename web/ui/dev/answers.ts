/** Development only: what the mock mesh answers. */

const tour = `## A short tour

The mesh places a job where it will **finish soonest**. It looks at:

1. how long it would *wait* there,
2. whether the model is already awake,
3. how fast that computer reads and writes.

| Computer | Wait | Speed |
|:--|--:|--:|
| Window desk | 0 s | 52 tokens/s |
| 창가 자리 | 1.2 s | 31 tokens/s |

\`\`\`rust
/// The best predicted completion wins.
fn best(bids: &[Bid]) -> Option<&Bid> {
    bids.iter().min_by_key(|bid| bid.predicted)
}
\`\`\`

> 품앗이는 이웃끼리 하루의 품을 주고받는 일입니다.

- [x] nobody needs an account
- [ ] nothing leaves the office

See \`pumasi why JOB\` for the whole story.
`;

const maths = `The roots of $ax^2 + bx + c = 0$ are

$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$

It costs $5, or $6 with a bow. Broken: $\\frac{1}{$ and \\(\\href{javascript:alert(1)}{x}\\).

\`\`\`mermaid
flowchart LR
  A[Question] --> B{Who is free?}
  B -->|창가 자리| C[Answer]
  B -->|nobody| D[Wait]
\`\`\`

\`\`\`mermaid
this is no diagram
\`\`\`
`;

const hostile = `<img src=x onerror=alert(1)> and ![a picture](https://example.org/track.png)

[click me](javascript:alert(1)) or [a real link](https://example.org)
`;

export interface Reply {
  thinking: string;
  text: string;
  fault?: string;
}

/** Starter tasks are computed; a few words call up what else a page must be able to show. */
export function replyTo(question: string): Reply {
  const [task = '', ...rest] = question.split(': ');
  const given = rest.join(': ');
  if (task === 'upper') return { thinking: '', text: given.toUpperCase() };
  if (task === 'reverse') return { thinking: '', text: [...given].reverse().join('') };
  if (task === 'repeat') return { thinking: '', text: given };
  if (task === 'long') return { thinking: '', text: `${tour}\n`.repeat(150) };
  if (task === 'maths') return { thinking: '', text: maths };
  if (task === 'hostile') return { thinking: '', text: hostile };
  if (task === 'crash')
    return { thinking: '', text: 'It begins well, but ', fault: 'engine_crash' };
  const thinking = 'The person asks how placement works.\nA table and a short list will do.';
  return { thinking, text: tour };
}
