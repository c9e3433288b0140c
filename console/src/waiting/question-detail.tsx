import { useRef, useState } from 'react';
import { keyText, useKeys } from '../app/keys.ts';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { AnswerQuestionDocument, type AnswerQuestionInput } from '../generated/documents.ts';
import { JsonView } from '../parts/json-view.tsx';
import { Quote, Words } from '../parts/text.tsx';
import { ReasonModal } from './reason-modal.tsx';
import { ValueForm } from './value-form.tsx';
import type { QuestionContent } from './wait-content.ts';

interface QuestionProps {
  question: QuestionContent;
  onDecided(id: string): void;
}

/** A question, and its answer as a form. */
export function QuestionDetail({ question, onDecided }: QuestionProps) {
  const canAnswer = useCan('write');
  const { prompt, source, state, outcome, answer, url } = question;
  return (
    <>
      <Quote by={source === 'builtin' ? 'the model' : source}>{prompt}</Quote>
      {url !== null && <QuestionLink url={url} by={source} />}
      {state === 'OPEN' && canAnswer && <AnswerForm question={question} onDecided={onDecided} />}
      {state === 'OPEN' && !canAnswer && <p className="quiet">Your sign-in may not answer questions (scope write).</p>}
      {outcome === 'ANSWERED' && (
        <>
          <h3>answer</h3>
          <JsonView value={answer} />
        </>
      )}
    </>
  );
}

/** The whole address is shown, because it is the server's choice. */
function QuestionLink({ url, by }: { url: string; by: string }) {
  const isWeb = /^https?:\/\//i.test(url);
  return (
    <p className="warning">
      <Words>{by}</Words> asks you to open this address. Look at the host first, and agree when you have finished there.{' '}
      {isWeb ? (
        <a href={url} target="_blank" rel="noopener noreferrer nofollow">
          <Words isStrict>{url}</Words>
        </a>
      ) : (
        <Words isStrict>{url}</Words>
      )}
    </p>
  );
}

type Refusal = 'DECLINE' | 'CANCEL';

const refusals = {
  DECLINE: {
    title: 'Decline to answer',
    label: 'Reason, which the model is told (optional)',
    action: 'Decline',
  },
  CANCEL: {
    title: 'Cancel the question',
    label: 'The model is told that you want no more questions, and why (optional)',
    action: 'Cancel the question',
  },
} as const satisfies Readonly<Record<Refusal, object>>;

function AnswerForm({ question, onDecided }: QuestionProps) {
  // A question with a link has no other answer than null, which agrees to open it.
  const isLink = question.url !== null;
  const [answer, setAnswer] = useState<unknown>(isLink ? null : undefined);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const { isBusy, error, run } = useAction();
  const form = useRef<HTMLFormElement>(null);
  const settle = (reply: Omit<AnswerQuestionInput, 'questionId'>) =>
    run(async () => {
      accept(
        (await client.query(AnswerQuestionDocument, { input: { questionId: question.id, ...reply } })).answerQuestion,
      );
      onDecided(question.id);
    });
  const canSend = !isBusy && answer !== undefined;
  const send = () => canSend && settle({ action: 'ANSWER', answer });
  useKeys([
    { keys: 'e', label: 'Go to the answer', run: () => focusFirstField(form.current) },
    { keys: 'mod+Enter', label: 'Send the answer', run: send },
    { keys: 'd', label: 'Decline to answer', run: () => setRefusal('DECLINE') },
    { keys: 'x', label: 'Cancel the question', run: () => setRefusal('CANCEL') },
  ]);
  return (
    <>
      <form
        ref={form}
        className="answer-form"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        {!isLink && <ValueForm schema={question.answerSchema} label="Answer" value={answer} onChange={setAnswer} />}
        {error !== null && (
          <p role="alert" className="problem">
            {error}
          </p>
        )}
        <div className="buttons">
          <button type="submit" className="button primary" disabled={!canSend}>
            {isLink ? 'Agree' : 'Answer'} <kbd>{keyText('mod+Enter')}</kbd>
          </button>
          <button type="button" className="button danger" disabled={isBusy} onClick={() => setRefusal('DECLINE')}>
            Decline… <kbd>d</kbd>
          </button>
          <button type="button" className="button plain" disabled={isBusy} onClick={() => setRefusal('CANCEL')}>
            Cancel the question… <kbd>x</kbd>
          </button>
        </div>
      </form>
      {refusal !== null && (
        <ReasonModal
          {...refusals[refusal]}
          isOpen
          onClose={() => setRefusal(null)}
          onConfirm={(reason) => settle({ action: refusal, reason })}
        />
      )}
    </>
  );
}

function focusFirstField(form: HTMLFormElement | null): void {
  form?.querySelector<HTMLElement>('input, select, textarea')?.focus();
}
