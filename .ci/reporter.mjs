// The reporter of vitest for `vitest.mjs`. The JSON report of vitest omits unhandled errors and calls a file passed whose worker
// crashed. This one writes every file and every error to the path in RUNTAPE_TEST_REPORT.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

const firstLine = (error) => String(error?.message ?? error).split('\n')[0];

/** The results of a file. A file or test that is pending did not finish, for example because its worker crashed. */
function resultOf(module) {
  const tests = [...module.children.allTests()].map((test) => {
    const { state, errors = [] } = test.result();
    return { name: test.fullName, state, errors: errors.map(firstLine) };
  });
  const suites = [...module.children.allSuites()];
  const errors = [module, ...suites].flatMap((owner) => owner.errors()).map(firstLine);
  return { state: module.state(), tests, errors };
}

export default class FileReporter {
  onInit(vitest) {
    this.root = vitest.config.root;
  }

  onTestRunStart(specifications) {
    this.specifications = specifications;
  }

  onTestRunEnd(modules, unhandledErrors, reason) {
    const files = this.specifications.map(({ project, moduleId }) => {
      const module = modules.find((candidate) => candidate.project === project && candidate.moduleId === moduleId);
      const result = module ? resultOf(module) : { state: 'queued', tests: [], errors: [] };
      return { project: project.name, path: relative(this.root, moduleId), ...result };
    });
    const report = { reason, unhandledErrors: unhandledErrors.map(firstLine), files };
    writeFileSync(process.env.RUNTAPE_TEST_REPORT, JSON.stringify(report));
  }
}
