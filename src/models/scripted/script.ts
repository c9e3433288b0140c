import { type RunErrorCode, runErrorCodes } from '../../domain/events.ts';

/** Most words that `/words` gives: well beyond any bound of an answer, and made in milliseconds. */
const MOST_WORDS = 200_000;

/** Something that happens while an answer is given. */
export type ScriptAction =
  | { kind: 'text'; text: string }
  | { kind: 'thought'; text: string }
  | { kind: 'words'; count: number }
  | { kind: 'results' }
  | { kind: 'history' }
  | { kind: 'instructions' }
  | { kind: 'tools' }
  | { kind: 'fail'; code: RunErrorCode; retryable: boolean }
  | { kind: 'hang' };

/** What the scripted model does in one model call. */
export interface ScriptStep {
  beats: { beat: ScriptAction; paceMilliseconds: number | null }[];
  calls: { tool: string; arguments: string }[];
  /** `counted`: what counting characters gives. */
  usage: { input: number; output: number } | null | 'counted';
}

export type Script = { ok: true; steps: ScriptStep[] } | { ok: false; problem: string };

type Instruction =
  | { kind: 'beat'; beat: ScriptAction }
  | { kind: 'call'; tool: string; arguments: string }
  | { kind: 'then' }
  | { kind: 'pace'; milliseconds: number }
  | { kind: 'usage'; usage: { input: number; output: number } | null };

/** How a command is written, and what its text means; null where the text does not fit the form. */
interface Command {
  form: string;
  read(text: string): Instruction | null;
}

const beat = (beat: ScriptAction): Instruction => ({ kind: 'beat', beat });

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['say', { form: '/say TEXT', read: (text) => beat({ kind: 'text', text }) }],
  ['words', { form: '/words N', read: readWords }],
  ['think', { form: '/think TEXT', read: (text) => beat({ kind: 'thought', text }) }],
  ['call', { form: '/call TOOL JSON', read: readCall }],
  ['then', { form: '/then', read: () => ({ kind: 'then' }) }],
  ['pace', { form: '/pace MILLISECONDS', read: readPace }],
  ['fail', { form: '/fail CODE [retryable]', read: readFailure }],
  ['echo', { form: '/echo', read: () => beat({ kind: 'results' }) }],
  ['history', { form: '/history', read: () => beat({ kind: 'history' }) }],
  ['instructions', { form: '/instructions', read: () => beat({ kind: 'instructions' }) }],
  ['tools', { form: '/tools', read: () => beat({ kind: 'tools' }) }],
  ['usage', { form: '/usage IN OUT, or /usage none', read: readUsage }],
  ['hang', { form: '/hang', read: () => beat({ kind: 'hang' }) }],
]);

const commandLine = /^\/([a-z]+)(?:[ \t]+(.*))?$/;

/** A message is a script where its first line is a command: text that merely quotes one, or names a path, is not. */
export function isScript(message: string): boolean {
  return commandLine.test(linesOf(message)[0] ?? '');
}

export function parseScript(message: string): Script {
  const steps = [emptyStep()];
  let paceMilliseconds: number | null = null;
  for (const { name, text } of commandsOf(message)) {
    const command = commands.get(name);
    if (!command) return { ok: false, problem: `I do not know /${name}. ${knownCommands()}` };
    const instruction = command.read(text);
    if (!instruction) return { ok: false, problem: `I can not read /${name} ${text}: write ${command.form}.` };
    const step = steps.at(-1) ?? emptyStep();
    if (instruction.kind === 'then') steps.push(emptyStep());
    else if (instruction.kind === 'pace') paceMilliseconds = instruction.milliseconds;
    else if (instruction.kind === 'usage') step.usage = instruction.usage;
    else if (instruction.kind === 'call') step.calls.push({ tool: instruction.tool, arguments: instruction.arguments });
    else step.beats.push({ beat: instruction.beat, paceMilliseconds });
  }
  return { ok: true, steps };
}

/** A step that says one text and asks for nothing. */
export function saying(text: string): ScriptStep {
  return { ...emptyStep(), beats: [{ beat: { kind: 'text', text }, paceMilliseconds: null }] };
}

/** A step that asks for one tool. */
export function calling(tool: string, input: Record<string, string>): ScriptStep {
  return { ...emptyStep(), calls: [{ tool, arguments: JSON.stringify(input) }] };
}

function emptyStep(): ScriptStep {
  return { beats: [], calls: [], usage: 'counted' };
}

function knownCommands(): string {
  return `A script is made of: ${[...commands.values()].map(({ form }) => form).join('; ')}.`;
}

function linesOf(message: string): string[] {
  return message.trim().split(/\r?\n/);
}

function commandsOf(message: string): { name: string; text: string }[] {
  const found: { name: string; text: string }[] = [];
  for (const line of linesOf(message)) {
    const [, name, text = ''] = commandLine.exec(line) ?? [];
    const last = found.at(-1);
    if (name) found.push({ name, text });
    else if (last) last.text += `\n${line}`;
  }
  return found;
}

function readWords(text: string): Instruction | null {
  const count = wholeNumber(text);
  return count === null || count > MOST_WORDS ? null : beat({ kind: 'words', count });
}

function readCall(text: string): Instruction | null {
  const [, tool, rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  return tool ? { kind: 'call', tool, arguments: rest === '' ? '{}' : rest } : null;
}

function readPace(text: string): Instruction | null {
  const milliseconds = wholeNumber(text);
  return milliseconds === null ? null : { kind: 'pace', milliseconds };
}

function readFailure(text: string): Instruction | null {
  const [name, word, ...rest] = text.trim().split(/\s+/);
  const code = runErrorCodes.find((known) => known === name);
  if (!code || rest.length > 0 || (word !== undefined && word !== 'retryable')) return null;
  return beat({ kind: 'fail', code, retryable: word === 'retryable' });
}

function readUsage(text: string): Instruction | null {
  if (text.trim() === 'none') return { kind: 'usage', usage: null };
  const [input, output, ...rest] = text.trim().split(/\s+/).map(wholeNumber);
  if (typeof input !== 'number' || typeof output !== 'number' || rest.length > 0) return null;
  return { kind: 'usage', usage: { input, output } };
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text.trim()) ? Number(text) : null;
}
