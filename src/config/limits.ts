/** Every bound of the program, with its unit in the name. What a configuration may change is a default here. */

/** Runs in work on one server at a time: each holds a few kilobytes and at most one provider connection. */
export const MAX_CONCURRENT_RUNS = 256;
/** Waiting messages of one session: more than a person would queue, few enough to list. */
export const QUEUE_LENGTH = 64;
/** One message: the input event must fit in an event with room to spare. */
export const MESSAGE_BYTES = 128 * 1024;
/** One event, as canonical JSON. */
export const EVENT_BYTES = 256 * 1024;
/** A tool's input: longer ones are a model gone astray, and an event must hold it. */
export const TOOL_INPUT_BYTES = 96 * 1024;
/** A tool's output within its event; what is longer stands beside the tape. */
export const INLINE_OUTPUT_BYTES = 32 * 1024;
/** A tool's output altogether; what is longer is cut. */
export const TOOL_OUTPUT_BYTES = 1024 * 1024;
/** Calls of one step that run beside each other, where their tools allow it. */
export const PARALLEL_CALLS = 4;

/** Between two reports of one call's progress on the tape: a person reads no faster, and each is stored for good. */
export const PROGRESS_SECONDS = 1;
/** Such reports of one execution: those of a minute, which is how long most calls may take. */
export const PROGRESS_EVENTS = 60;
/** What a report says beside its numbers: a line to be read in passing. */
export const PROGRESS_MESSAGE_CHARACTERS = 500;

export const MAX_STEPS = 32;
export const MAX_TOOL_CALLS = 64;
export const RUN_SECONDS = 15 * 60;
/** Tokens of one run, input and output of all its steps. */
export const RUN_TOKENS = 4_000_000;

export const LEASE_SECONDS = 15;
/** Taken up again this often in a row without progress, a run has failed. */
export const MAX_RESUMPTIONS = 3;
/** How long a stopping server lets model steps finish. */
export const SHUTDOWN_GRACE_SECONDS = 10;

/** A day: long enough for a person who went home. */
export const APPROVAL_EXPIRY_SECONDS = 24 * 60 * 60;
/** Longest life of a TIMEBOXED grant. */
export const GRANT_SECONDS = 30 * 24 * 60 * 60;
/** How long an idempotency key is kept. */
export const IDEMPOTENCY_SECONDS = 24 * 60 * 60;

/** Connections of lists. */
export const DEFAULT_PAGE_SIZE = 25;
export const MAX_PAGE_SIZE = 100;
/** Events that a follower reads from the journal at a time. */
export const FOLLOW_PAGE_EVENTS = 200;
/** Events that a live follower holds for a reader who is slower; beyond, it reads pages again. */
export const FOLLOW_BUFFER_EVENTS = 256;
/** Heals a wake-up that was lost. */
export const FOLLOW_POLL_SECONDS = 5;

/** Folds kept in memory for runs that were written lately. */
export const CACHED_RUNS = 2048;
/** Of tapes that were written lately, kept in memory where this server is the only one that writes. */
export const CACHED_TAPE_BYTES = 16 * 1024 * 1024;
/** Appends that one transaction takes. */
export const COMMIT_APPENDS = 512;
/** Commits in flight at a time on Postgres, each on a connection of its own; SQLite has one writer. */
export const COMMIT_LANES = 2;
/** Connections to Postgres of one server, beside the one that listens. */
export const DATABASE_CONNECTIONS = 12;
/** Wake-ups for other servers are gathered for so long: a person sees no difference, and Postgres has less to do. */
export const NOTIFY_MILLISECONDS = 5;
/** Between two looks at the tapes that somebody follows here, where wake-ups of other servers do not arrive. */
export const POLL_MILLISECONDS = 500;
/** The server that recorded a message takes it up at once; others look after that long whether it had no room. */
export const FOREIGN_CLAIM_MILLISECONDS = 100;
/** Appends that may wait for the lane before new ones are refused. */
export const WAITING_APPENDS = 20_000;

/** Runs of a session that the model is shown at the most. */
export const HISTORY_RUNS = 200;
/** Messages on the tape of one run that a context is made of: far more than its steps and calls can give. */
export const SPOKEN_EVENTS = 10_000;
/** Memories that one model call is shown. */
export const SHOWN_MEMORIES = 5;
/** Failed attempts at a summary after which a run goes on without. */
export const SUMMARY_FAILURES = 2;
/** A summary, whatever the window: more is no summary, and it goes into every model call. */
export const SUMMARY_BYTES = 64 * 1024;

export const SESSION_KEY_BYTES = 200;
export const TITLE_BYTES = 200;
export const IDEMPOTENCY_KEY_BYTES = 200;
export const REASON_CHARACTERS = 2000;
export const AGENT_NAME_BYTES = 100;
export const INSTRUCTIONS_BYTES = 64 * 1024;
export const MEMORY_BYTES = 8 * 1024;
export const MEMORY_TAGS = 16;
export const TAG_CHARACTERS = 64;
/** Longest life of a memory that has an end: ten years; without one it lives on. */
export const MEMORY_SECONDS = 10 * 365 * 24 * 60 * 60;
/** Memories of one owner. */
export const MEMORIES_PER_OWNER = 10_000;
/** Memories in one call of an embedding model: a server without a graphics card takes seconds for them. */
export const EMBEDDING_BATCH = 32;
/** Until such a call is given up; it is made again later. */
export const EMBEDDING_BATCH_SECONDS = 60;
/** How long a search waits for the place of its question before it goes on by words alone. */
export const EMBEDDING_QUESTION_SECONDS = 3;
/** Of a question that goes to an embedding model: their windows are small. */
export const EMBEDDING_QUESTION_CHARACTERS = 2000;
/** After a failure, searches go on by words alone for so long. */
export const EMBEDDING_PAUSE_SECONDS = 30;
/** Wait before a batch that failed is tried again; it doubles up to the next one. */
export const EMBEDDING_RETRY_SECONDS = 1;
/** Between two looks for memories without a place: those of other servers that went away in the middle. */
export const EMBEDDING_LOOK_SECONDS = 60;
/** Of one vector: more than any model has. */
export const EMBEDDING_DIMENSIONS = 16_384;
/** One answer with the vectors of a batch, as JSON. */
export const EMBEDDING_ANSWER_BYTES = 16 * 1024 * 1024;

/** One HTTP body or WebSocket message: a text that is too long still gets an answer that says so. */
export const BODY_BYTES = 4 * 1024 * 1024;

/** The name of a principal; it stands in every session of theirs. */
export const PRINCIPAL_CHARACTERS = 200;
/** Connections of one address at a time. A load test from one machine fits; behind a proxy all come from one address. */
export const CONNECTIONS_PER_ADDRESS = 10_000;
/** Subscriptions of one principal at a time, over all connections to one server. */
export const SUBSCRIPTIONS_PER_PRINCIPAL = 10_000;
/** A query costs one point, a mutation or subscription five: a hundred queries a second, where there are accounts. */
export const POINTS_PER_MINUTE = 6000;
export const MUTATION_POINTS = 5;
export const SUBSCRIPTION_POINTS = 5;
/** Principals whose points are remembered at a time. */
export const COUNTED_PRINCIPALS = 100_000;
/** Until the head of a request is there, and until all of it is: whoever writes more slowly is cut off. */
export const HEAD_SECONDS = 10;
export const REQUEST_SECONDS = 60;
/** A connection without a request: longer than proxies keep theirs, so that none sends into one that is being closed. */
export const IDLE_CONNECTION_SECONDS = 65;
/** Between two looks at requests that arrive slowly. */
export const SLOW_REQUEST_CHECK_SECONDS = 5;
/** Until a query or mutation is answered; a statement of the database is given less. */
export const OPERATION_SECONDS = 60;

/** Tokens of one document: the one that GraphiQL introspects with has 250, generated ones a few hundred. */
export const DOCUMENT_TOKENS = 5000;
/** Fields inside each other. Introspection as tools ask for it has 15. */
export const DOCUMENT_DEPTH = 20;
/** Aliases in one document: each can repeat the same work. */
export const DOCUMENT_ALIASES = 50;
export const DOCUMENT_DIRECTIVES = 100;
/** Fields of one selection, fragments not counted. */
export const DOCUMENT_BREADTH = 200;
/** Objects that an operation can make the server read: two pages of the largest size inside each other do not fit. */
export const OPERATION_COST = 10_000;
/** Comments in one document: they are read like tokens, and take as much room. */
export const DOCUMENT_COMMENTS = 1000;
/** Documents whose check is remembered: some two hundred of the length that clients send. */
export const KNOWN_DOCUMENT_BYTES = 32 * 1024 * 1024;
/** Answers of the policy that are remembered, to questions of at most so many characters: some 4 MB at most. */
export const POLICY_ANSWERS = 512;
export const POLICY_QUESTION_CHARACTERS = 4096;
/** Credentials of tool inputs that one server remembers; the oldest are forgotten. */
export const KEPT_SECRETS = 10_000;
/** Levels of a JSON value, as tools and policies take it. */
export const JSON_LEVELS = 64;

/** Until the first byte of an answer: a local model may load its weights and read a long prompt before. */
export const MODEL_FIRST_BYTE_SECONDS = 300;
/** Silence in the middle of an answer; also the longest that a dead connection goes unnoticed. */
export const MODEL_IDLE_SECONDS = 120;
/** One line of a provider's stream, or an answer in one piece: the longest answer, escaped, with room to spare. */
export const PROVIDER_LINE_BYTES = 4 * 1024 * 1024;
/** What is read of a provider's error page. */
export const PROVIDER_ERROR_BYTES = 64 * 1024;
/** Tool calls of one answer: a run is allowed fewer by default, so more is a model that has lost its way. */
export const PROVIDER_CALLS = 256;
/** Attempts at one model call, the first included. */
export const MODEL_ATTEMPTS = 3;
/** Attempts at one step whose answers break off, the first included: each costs what was said until then. */
export const MODEL_STEP_ATTEMPTS = 3;
/** Calls of a model that failed in a row, after their own attempts, before it is left alone for a while. */
export const CIRCUIT_FAILURES = 5;
/** For so long: a provider that restarts or sheds load is back within a minute or not for many. */
export const CIRCUIT_PAUSE_SECONDS = 30;
/** Longest `Retry-After` that a run sits out; with a longer one it is better to fail now. */
export const MODEL_RETRY_AFTER_SECONDS = 60;
/** Subscriptions and other operations of one WebSocket at a time. */
export const OPERATIONS_PER_SOCKET = 1000;
/** How long a closed WebSocket waits for a client that may be gone: a stopping server waits no longer than that. */
export const SOCKET_CLOSE_SECONDS = 2;
/** Between two pings on a WebSocket or comments on an event stream: proxies cut what is silent for a minute. */
export const KEEP_ALIVE_SECONDS = 12;

/** One call of an MCP server's tool, where its entry says nothing else. */
export const MCP_CALL_SECONDS = 60;
/** Longest that an entry may allow a call: a run is over before. */
export const MCP_LONGEST_CALL_SECONDS = 60 * 60;
/** From the start of a server to its list of tools: `npx` may have to download it. */
export const MCP_START_SECONDS = 120;
/** How long calls that a restart finds wait for a server that is still starting. */
export const MCP_SETTLE_SECONDS = 30;
/** Wait before a server is started again; it doubles with each failure in a row up to the longest. */
export const MCP_RESTART_SECONDS = 0.5;
export const MCP_LONGEST_RESTART_SECONDS = 60;
/** A server that ran this long and is lost is started again as if it were the first time. */
export const MCP_STABLE_SECONDS = 60;
/** How long a server has to end by itself, and again after it was asked to by a signal. */
export const MCP_STOP_SECONDS = 2;
/** Between two questions whether an HTTP server is still there: it does not say when it goes. */
export const MCP_PING_SECONDS = 15;
/** Between two lists of tools of a server that keeps changing them. */
export const MCP_REFRESH_SECONDS = 1;
/** Tools of one server: more than any model is shown well. */
export const MCP_TOOLS = 256;
/** Pages of a list of tools: a server that never ends its list is given up on. */
export const MCP_TOOL_PAGES = 64;
/** A tool's description and input schema go into every model call. */
export const MCP_DESCRIPTION_CHARACTERS = 8000;
export const MCP_SCHEMA_BYTES = 64 * 1024;
/** One message of a stdio server: the largest output that is kept, as base64, with room to spare. */
export const MCP_MESSAGE_BYTES = 8 * 1024 * 1024;
/** What a stdio server says on stderr: characters of a line, and lines of a minute. */
export const MCP_STDERR_CHARACTERS = 1000;
export const MCP_STDERR_LINES = 120;

/** A file that is read whole: as base64 it still fits in a tool's output. */
export const FILE_READ_BYTES = 512 * 1024;
/** A file that is written: what a model can put into one call is less. */
export const FILE_WRITE_BYTES = 512 * 1024;
/** Entries of one folder that are listed. */
export const FILE_LIST_ENTRIES = 1000;
/** A path within the folder; systems take about as much. */
export const FILE_PATH_BYTES = 1024;
