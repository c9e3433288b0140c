import { QueryCompiler as EachCompiler } from '../../node_modules/@prisma/client/runtime/query_compiler_small_bg.postgresql.mjs';
import { shareCompilers } from './shared.mjs';

export * from '../../node_modules/@prisma/client/runtime/query_compiler_small_bg.postgresql.mjs';
export const QueryCompiler = shareCompilers(EachCompiler);
