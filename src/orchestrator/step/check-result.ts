import { RESULT_PROBLEM_CHARACTERS } from '../../config/limits.ts';
import type { Json, ResultCheck } from '../../domain/events.ts';
import { isResultRequest, parseResult } from '../../domain/result.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { ModelFinish, ModelRequest } from '../../models/model.ts';
import type { RunExecution } from '../run-execution.ts';

interface Answer {
  text: string;
  finish: ModelFinish;
  /** What the model answered to. */
  request: ModelRequest;
}

/** Compares a final answer with the output schema. Null if the run has none, or the answer has tool calls. Never rejects. */
export async function checkResult(
  execution: RunExecution,
  { text, finish, request }: Answer,
): Promise<ResultCheck | null> {
  const { outputSchema } = execution.configuration;
  if (outputSchema === null || finish.calls.length > 0) return null;
  const last = request.messages.at(-1);
  const asked = request.outputSchema !== undefined || (last?.role === 'user' && isResultRequest(last.text));
  const parsed = parseResult(text);
  const problem = parsed.ok ? await problemOf(execution, outputSchema, parsed.value) : parsed.problem;
  return { asked, problem: problem && storableText(problem.slice(0, RESULT_PROBLEM_CHARACTERS)) };
}

/** Schemas are objects that compile: messages and agents are checked for that. */
async function problemOf(
  { dependencies, configuration }: RunExecution,
  schema: Json,
  value: Json,
): Promise<string | null> {
  try {
    const check = await dependencies.schemaChecker.forParty(configuration.session.owner)(
      schema as Record<string, unknown>,
      'result',
    );
    return await check(value);
  } catch (error) {
    return `it cannot be compared with the schema: ${error instanceof Error ? error.message : String(error)}`;
  }
}
