import { type AnsweredQuestion, answerQuestion } from '../../application/wait/answer-question.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { QuestionType, RunType } from '../object-types.ts';
import { defineResult, perform } from '../refusals.ts';

const QuestionAction = builder.enumType('QuestionAction', {
  description: 'What a person does with a question.',
  values: {
    ANSWER: { description: 'Answers it.' },
    DECLINE: { description: 'Does not want to answer; the model is told so.' },
    CANCEL: { description: 'Wants the tool that asks to stop; the model is told so.' },
  },
});

const AnswerQuestionInput = builder.inputType('AnswerQuestionInput', {
  description: 'What a person does with a question.',
  fields: (t) => ({
    questionId: t.id({ required: true, description: 'Id of the question.' }),
    action: t.field({
      type: QuestionAction,
      required: true,
      defaultValue: 'ANSWER',
      description: 'Whether the person answers.',
    }),
    answer: t.field({
      type: 'JSON',
      description: 'With ANSWER: checked against `answerSchema`, at most 32 KiB as JSON. Null is an answer.',
    }),
    reason: t.string({ description: 'Why the person declines or cancels, for the model; at most 2,000 characters.' }),
  }),
});

const AnswerQuestionSuccess = builder.objectRef<AnsweredQuestion>('AnswerQuestionSuccess').implement({
  description: 'The question is settled.',
  fields: (t) => ({
    question: t.field({
      type: QuestionType,
      description: 'The settled question.',
      resolve: ({ questionId }, _args, { loaders }) => loadRequired(loaders, 'question', questionId),
    }),
    run: t.field({
      type: RunType,
      nullable: true,
      description: 'The run that asked, which resumes once it waits for nothing else.',
      resolve: ({ runId }, _args, { loaders }) => loaders.run.load(runId),
    }),
  }),
});

const AnswerQuestionResult = defineResult('AnswerQuestionResult', AnswerQuestionSuccess, [
  'not-found',
  'invalid-input',
  'wait-settled',
]);

builder.mutationField('answerQuestion', (t) =>
  t.field({
    type: AnswerQuestionResult,
    description:
      'Settles a question. The first reply wins; repeating the same reply succeeds. Only the principal who started the run can do this.',
    args: { input: t.arg({ type: AnswerQuestionInput, required: true, description: 'The reply.' }) },
    resolve: (_root, { input }, context) => perform(context, answerQuestion(context.commands, context.viewer, input)),
  }),
);
