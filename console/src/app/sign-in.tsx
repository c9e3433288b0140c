import { type FormEvent, useState } from 'react';
import { hasToken, signIn } from '../gateway/connection.ts';
import { Mark } from '../parts/icons.tsx';

/** Shown when the gateway wants a token. */
export function SignIn() {
  const [token, setToken] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== '') signIn(token.trim());
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>
          <Mark /> Runtape
        </h1>
        {hasToken() && <p role="alert">The gateway did not accept this token. It may have expired or been replaced.</p>}
        <label htmlFor="token">Access token</label>
        <input
          id="token"
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={token}
          onChange={({ target }) => setToken(target.value)}
        />
        <button type="submit" className="button primary" disabled={token.trim() === ''}>
          Sign in
        </button>
        <p className="quiet">
          An operator creates one with <code>node dist/main.js token &lt;principal&gt;</code>. It is kept until this tab
          is closed.
        </p>
      </form>
    </main>
  );
}
