import { type SignInProblem, signInProblemOf } from '../../../graphql/public-errors.ts';
import type { Authenticate, Credentials } from './identity.ts';

export type OnSignInFailure = (problem: SignInProblem, credentials: Credentials) => void;

/** Reports credentials that are not accepted. An identity provider that cannot be reached is no failure of a client. */
export function watchSignIns(authenticate: Authenticate, onFailure: OnSignInFailure): Authenticate {
  return (credentials) => {
    const report = (error: unknown): never => {
      const problem = signInProblemOf(error);
      if (problem !== null) onFailure(problem, credentials);
      throw error;
    };
    try {
      const identity = authenticate(credentials);
      return identity instanceof Promise ? identity.catch(report) : identity;
    } catch (error) {
      return report(error);
    }
  };
}
