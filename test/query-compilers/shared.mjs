/** Plans that are kept; more would be those of statements with values in their text, which are not asked for again. */
const KEPT_PLANS = 2000;

/**
 * Takes the place of the query compiler of Prisma, which reads the models anew for each client, and compiles each query once for it.
 * Tests open hundreds of databases in a process: clients of the same models share one compiler and its plans here.
 */
export function shareCompilers(QueryCompiler) {
  const compilers = new Map();
  return class SharedCompiler {
    #compiler;
    #plans = new Map();

    constructor(options) {
      const key = JSON.stringify(options);
      const existing = compilers.get(key);
      // biome-ignore lint/correctness/noConstructorReturn: Prisma calls the constructor.
      if (existing) return existing;
      this.#compiler = new QueryCompiler(options);
      compilers.set(key, this);
    }

    compile(request) {
      return this.#planOf(request, () => this.#compiler.compile(request));
    }

    compileBatch(request) {
      return this.#planOf(`batch ${request}`, () => this.#compiler.compileBatch(request));
    }

    #planOf(key, compile) {
      const kept = this.#plans.get(key);
      if (kept) return kept;
      const plan = compile();
      if (this.#plans.size < KEPT_PLANS) this.#plans.set(key, plan);
      return plan;
    }

    free() {}
  };
}
