/** The messages whose tapes are in test/data/golden-tape.txt. They need the tools `count` (low risk) and `ask` (high risk). */
export const goldenConversation = [
  'Hello',
  '/think Let me see.\n/say First I count.\n/call count {"word":"one"}\n/call missing {}\n/then\n/usage 12 3\n/say Counted.',
  '/call ask {"word":"two"}\n/then\n/echo',
  '/fail MODEL_REFUSED',
];
