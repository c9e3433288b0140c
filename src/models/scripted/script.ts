import { type RunErrorCode, runErrorCodes } from '../../domain/events.ts';

/** Limit of `/words`: far beyond the limit of a response, and still written within milliseconds. */
const MAX_WORDS = 200_000;

/** Something that the model does while it responds. */
export type ScriptAction =
  | { kind: 'text'; text: string }
  | { kind: 'thought'; text: string }
  | { kind: 'words'; count: number }
  | { kind: 'results' }
  | { kind: 'history' }
  | { kind: 'instructions' }
  | { kind: 'tools' }
  | { kind: 'attachments' }
  | { kind: 'fail'; code: RunErrorCode; retryable: boolean }
  | { kind: 'hang' };

/** What the scripted model does in one model call. */
export interface ScriptStep {
  /** `paceMilliseconds`: the delay between pieces; null for the configured one. */
  actions: { action: ScriptAction; paceMilliseconds: number | null }[];
  calls: { tool: string; arguments: string }[];
  /** `counted` estimates the usage from the number of characters; null reports none. */
  usage: { input: number; output: number } | null | 'counted';
}

export type Script = { ok: true; steps: ScriptStep[] } | { ok: false; problem: string };

type Instruction =
  | { kind: 'action'; action: ScriptAction }
  | { kind: 'call'; tool: string; arguments: string }
  | { kind: 'then' }
  | { kind: 'pace'; milliseconds: number }
  | { kind: 'usage'; usage: { input: number; output: number } | null };

interface Command {
  /** How the command is written. */
  form: string;
  /** What the model does, for `/help`. */
  description: string;
  /** Null if the text after the command does not have the right form. */
  read(text: string): Instruction | null;
}

const act = (action: ScriptAction): Instruction => ({ kind: 'action', action });

/** The script language, by the name of the command. `docs/models.md` lists it too. */
const commands: ReadonlyMap<string, Command> = new Map([
  command('/say TEXT', 'says the text word by word; a second text in the step starts on a new line', (text) =>
    act({ kind: 'text', text }),
  ),
  command('/words N', 'says word-1 word-2 … word-N', readWords),
  command('/think TEXT', 'emits the text as thoughts, word by word', (text) => act({ kind: 'thought', text })),
  command('/call TOOL JSON', 'calls a tool; neither the tool nor the JSON is checked', readCall),
  command('/then', 'ends the step; the rest follows after the tool results', () => ({ kind: 'then' })),
  command('/pace MILLISECONDS', 'sets the delay between pieces from here on', readPace),
  command('/fail CODE [retryable]', 'fails with a run error code, such as MODEL_UNAVAILABLE', readFailure),
  command('/echo', 'says the tool results since the message, one per line', () => act({ kind: 'results' })),
  command('/history', 'says the messages that the model was shown, one per line', () => act({ kind: 'history' })),
  command('/instructions', 'says the instructions that the model was given', () => act({ kind: 'instructions' })),
  command('/tools', 'says the names of the tools that the model may call', () => act({ kind: 'tools' })),
  command(
    '/attachments',
    'says the attachments that the model was shown, with the SHA-256 of each file, one per line',
    () => act({ kind: 'attachments' }),
  ),
  command('/usage INPUT OUTPUT, or /usage none', 'reports this token usage, or none', readUsage),
  command('/hang', 'does not end until it is aborted', () => act({ kind: 'hang' })),
  command('/help', 'lists the commands', () => act({ kind: 'text', text: helpText() })),
]);

function command(form: string, description: string, read: Command['read']): [name: string, Command] {
  return [/[a-z]+/.exec(form)?.[0] ?? '', { form, description, read }];
}

const commandLine = /^\/([a-z]+)(?:[ \t]+(.*))?$/;

/** A message is a script if its first line is a command. Text that only quotes a command, or names a path, is not. */
export function isScript(message: string): boolean {
  return commandLine.test(linesOf(message)[0] ?? '');
}

export function parseScript(message: string): Script {
  const steps = [emptyStep()];
  let paceMilliseconds: number | null = null;
  for (const { name, text } of commandsOf(message)) {
    const found = commands.get(name);
    if (!found) return { ok: false, problem: `Unknown command /${name}. Send /help for the list of commands.` };
    const instruction = found.read(text);
    if (!instruction) return { ok: false, problem: `Invalid command /${name} ${text}: write ${found.form}.` };
    const step = steps.at(-1) ?? emptyStep();
    switch (instruction.kind) {
      case 'action':
        step.actions.push({ action: instruction.action, paceMilliseconds });
        break;
      case 'call':
        step.calls.push({ tool: instruction.tool, arguments: instruction.arguments });
        break;
      case 'then':
        steps.push(emptyStep());
        break;
      case 'pace':
        paceMilliseconds = instruction.milliseconds;
        break;
      case 'usage':
        step.usage = instruction.usage;
        break;
      default:
        instruction satisfies never;
    }
  }
  return { ok: true, steps };
}

/** A step that says one text. */
export function sayText(text: string): ScriptStep {
  return { ...emptyStep(), actions: [{ action: { kind: 'text', text }, paceMilliseconds: null }] };
}

/** A step that calls one tool. */
export function callTool(tool: string, input: Record<string, string>): ScriptStep {
  return { ...emptyStep(), calls: [{ tool, arguments: JSON.stringify(input) }] };
}

function emptyStep(): ScriptStep {
  return { actions: [], calls: [], usage: 'counted' };
}

function helpText(): string {
  const list = [...commands.values()].map(({ form, description }) => `${form}: ${description}`);
  return ['A message is a script if its first line is one of these commands:', ...list].join('\n');
}

function linesOf(message: string): string[] {
  return message.trim().split(/\r?\n/);
}

/** A line that is not a command belongs to the text of the command before it. */
function commandsOf(message: string): { name: string; text: string }[] {
  const parsed: { name: string; text: string }[] = [];
  for (const line of linesOf(message)) {
    const [, name, text = ''] = commandLine.exec(line) ?? [];
    const last = parsed.at(-1);
    if (name) parsed.push({ name, text });
    else if (last) last.text += `\n${line}`;
  }
  return parsed;
}

function readWords(text: string): Instruction | null {
  const count = wholeNumber(text);
  return count === null || count > MAX_WORDS ? null : act({ kind: 'words', count });
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
  const code = runErrorCodes.find((each) => each === name);
  if (!code || rest.length > 0 || (word !== undefined && word !== 'retryable')) return null;
  return act({ kind: 'fail', code, retryable: word === 'retryable' });
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
