import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import configuration from '../../vitest.config.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The name of the project, for the messages of planted faults. */
    plantedIn: string;
  }
}

/** The project with its real settings and set-up, and one planted file in place of its tests. */
function withPlantedFile(project: TestProjectConfiguration): TestProjectConfiguration {
  if (typeof project !== 'object' || !('test' in project) || typeof project.test?.name !== 'string') {
    throw new Error('A project of vitest.config.ts has no name.');
  }
  const { test } = project;
  const include = [`test/runner/planted/${process.env.RUNTAPE_PLANTED_FILE}.ts`];
  return { ...project, test: { ...test, include, provide: { ...test.provide, plantedIn: String(test.name) } } };
}

/** The configuration of the tests with a fault in each project. The file with the fault is in RUNTAPE_PLANTED_FILE. */
export default defineConfig({
  ...configuration,
  test: { ...configuration.test, projects: configuration.test?.projects?.map(withPlantedFile) ?? [] },
});
