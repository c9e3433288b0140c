import type { ApprovalRow } from '../projections/approvals.ts';
import type { BudgetRequestRow } from '../projections/budget-requests.ts';
import type { DelegatedCallRow } from '../projections/delegated-calls.ts';
import type { RunRow } from '../projections/runs.ts';
import type { AgentRow } from '../repositories/agents.ts';
import type { AttachmentRow } from '../repositories/attachments.ts';
import type { CompactionRow } from '../repositories/compactions.ts';
import type { GrantRow } from '../repositories/grants.ts';
import type { MemoryRow } from '../repositories/memories.ts';
import type { SessionRow } from '../repositories/sessions.ts';
import { builder } from './builder.ts';

// Object types that refer to each other. The file of each noun implements its type and imports the others from here, so that
// no two of these files import each other.

export const AgentType = builder.objectRef<AgentRow>('Agent');
export const ApprovalType = builder.objectRef<ApprovalRow>('Approval');
export const AttachmentType = builder.objectRef<AttachmentRow>('Attachment');
export const BudgetRequestType = builder.objectRef<BudgetRequestRow>('BudgetRequest');
export const ClientToolCallType = builder.objectRef<DelegatedCallRow>('ClientToolCall');
export const CompactionType = builder.objectRef<CompactionRow>('CompactionArtifact');
export const GrantType = builder.objectRef<GrantRow>('ToolGrant');
export const MemoryType = builder.objectRef<MemoryRow>('Memory');
export const QuestionType = builder.objectRef<DelegatedCallRow>('Question');
export const RunType = builder.objectRef<RunRow>('Run');
export const SessionType = builder.objectRef<SessionRow>('Session');
