/** Every limit of the program, with its unit at the end of the name. Where the configuration can change one, it is the default. */

// Runs
/** Runs that one server executes at a time. Further runs stay PENDING. */
export const MAX_CONCURRENT_RUNS = 256;
/** Messages that wait in one session. A further message is refused. */
export const QUEUED_MESSAGES = 64;
/** Text of one message. A longer one is refused. */
export const MESSAGE_BYTES = 128 * 1024;
/** Payload of one event as canonical JSON. A larger event is not recorded and fails its run. */
export const EVENT_BYTES = 256 * 1024;
/** Text and thoughts of one model call, by default and at most. Beyond it the answer is cut off: its finish reason says so. */
export const ANSWER_BYTES = 1024 * 1024;
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Answer that is stored in its event, as JSON. A longer one is stored beside the tape, and the event keeps its beginning. */
export const INLINE_ANSWER_BYTES = 192 * 1024;
/** Model calls, tool calls, execution time, and tokens (input and output) of one run. Beyond one of these the run fails. */
export const MAX_STEPS = 32;
export const MAX_TOOL_CALLS = 64;
export const RUN_SECONDS = 15 * 60;
export const RUN_TOKENS = 4_000_000;
/** After this time without renewal, another server takes up the run. */
export const LEASE_SECONDS = 15;
/** Times in a row that a run is taken up without progress. The next time it fails. */
export const MAX_RESUMPTIONS = 3;
/** Time that a stopping server gives steps to finish. Then it interrupts them; another server or the next start resumes. */
export const SHUTDOWN_GRACE_SECONDS = 10;
/** Time in which a stopping server still takes requests while `/readyz` answers 503, so that load balancers notice. */
export const DRAIN_SECONDS = 3;
/** Time that a stopping server gives requests in progress, after it has closed its port. Then they are cut off. */
export const SHUTDOWN_REQUEST_SECONDS = 3;
/** Time between two reloads of the configuration. Signals in between are one reload. */
export const RELOAD_SECONDS = 1;
/** Head start of the server that recorded a message, before other servers try to claim the run. */
export const CLAIM_DELAY_MILLISECONDS = 100;

// Attachments and results
/** One file, by default and at most. A longer one is refused with status 413. */
export const ATTACHMENT_BYTES = 20 * 1024 * 1024;
export const MAX_ATTACHMENT_BYTES = 1024 * 1024 * 1024;
/** Attachments of one message, and of one owner. A further one is refused. */
export const ATTACHMENTS_PER_MESSAGE = 16;
export const ATTACHMENTS_PER_OWNER = 10_000;
/** Time in which a message must refer to an upload. Then it is deleted. */
export const UNUSED_ATTACHMENT_SECONDS = 24 * 60 * 60;
export const ATTACHMENT_NAME_BYTES = 255;
/** Images and PDF files that one model call is shown. More in one message are refused; older ones are only named. */
export const MODEL_ATTACHMENT_BYTES = 32 * 1024 * 1024;
/** Text of one file that a model is shown. The rest is cut off, and the model is told. */
export const ATTACHMENT_TEXT_BYTES = 128 * 1024;
/** Uploads of one principal on one server at a time. A further one is refused with status 429. */
export const UPLOADS_PER_PRINCIPAL = 32;
/** An upload costs one more point for each whole number of these bytes. They are charged before anything of it is read. */
export const UPLOAD_POINT_BYTES = 256 * 1024;
/** JSON Schema of a result, as JSON. A longer one is refused. */
export const OUTPUT_SCHEMA_BYTES = 32 * 1024;
/** What a model is told about an answer that does not fit. The rest is cut off. */
export const RESULT_PROBLEM_CHARACTERS = 2000;

// Tool calls
/** Input of one call as JSON. A longer one gets an error result. */
export const TOOL_INPUT_BYTES = 96 * 1024;
/** The same with placeholders for its credentials, which can be longer than the credentials. A longer one is an error. */
export const MASKED_INPUT_BYTES = 192 * 1024;
/** Output of one call as JSON. The rest is cut off, and the result says so. */
export const TOOL_OUTPUT_BYTES = 1024 * 1024;
/** Output that is stored in its event. A longer one is stored beside the tape, and the event keeps its beginning. */
export const INLINE_OUTPUT_BYTES = 32 * 1024;
/** Error message of one call. The rest is cut off. */
export const TOOL_ERROR_CHARACTERS = 2000;
/** Tools that a message or an agent declares for its client. More are refused. */
export const CLIENT_TOOLS = 32;
/** All tools that a message or an agent declares, as JSON. More are refused. */
export const CLIENT_TOOLS_BYTES = 64 * 1024;
export const CLIENT_TOOL_DESCRIPTION_BYTES = 8 * 1024;
/** Longest time that a client tool can declare for its results. A longer one is refused. */
export const CLIENT_TOOL_SECONDS = 30 * 24 * 60 * 60;
/** Principals whose schemas are watched for timeouts. The least recently used are forgotten. */
export const SCHEMA_AUTHORS = 1024;
/** Text of a question to a person. A longer one is an error result. */
export const QUESTION_CHARACTERS = 4000;
/** Answers to choose from. With more, the question is an error result. */
export const QUESTION_CHOICES = 50;
/** Schema of the answer as JSON. A longer one is an error result. */
export const ANSWER_SCHEMA_BYTES = 64 * 1024;
/** Answer to a question as JSON. A longer one is refused. */
export const QUESTION_ANSWER_BYTES = 32 * 1024;
/** Parallel-safe calls of one step that run at a time. The others wait. */
export const PARALLEL_CALLS = 4;
/** Time between two progress events of one call. Reports in between are dropped, except the newest. */
export const PROGRESS_SECONDS = 1;
/** Progress events of one execution. Later reports are dropped. */
export const PROGRESS_EVENTS = 60;
/** Message of one progress event. The rest is cut off. */
export const PROGRESS_MESSAGE_CHARACTERS = 500;
/** Levels of a JSON value. A deeper tool output becomes text; a deeper value in an API request is refused. */
export const JSON_LEVELS = 64;
/** Query of a search tool. A longer one gets an error result. */
export const SEARCH_QUERY_CHARACTERS = 1000;
/** Redirects that `http_fetch` follows. At the next one the call fails. */
export const FETCH_REDIRECTS = 5;
/** A file that `files_read` reads or `files_write` writes. For a larger one the call fails. Base64 still fits in an output. */
export const FILE_READ_BYTES = 512 * 1024;
export const FILE_WRITE_BYTES = 512 * 1024;
/** Entries that `files_list` returns. With more, the list is marked as incomplete. */
export const FILE_LIST_ENTRIES = 1000;
/** Path given to a file tool. A longer one gets an error result. */
export const FILE_PATH_BYTES = 1024;

// Approvals and policy
/** Time to decide an approval or another wait. Then it expires. */
export const APPROVAL_EXPIRY_SECONDS = 24 * 60 * 60;
/** Longest validity of a TIMEBOXED grant. A longer one is refused. */
export const GRANT_SECONDS = 30 * 24 * 60 * 60;
/** Policy decisions that are cached, for requests of at most this length as JSON: about 4 MB. The least recently used go. */
export const CACHED_DECISIONS = 512;
export const CACHED_REQUEST_CHARACTERS = 4096;
/** Time to read and check a policy file at a reload. A file that takes longer is refused. */
export const POLICY_READ_SECONDS = 20;
/** Levels of a tool input that policies see. Deeper values are shown to them as JSON text. */
export const POLICY_INPUT_LEVELS = 16;
/** Credentials of tool inputs that one server keeps in memory. The least recently used are forgotten. */
export const CACHED_SECRETS = 10_000;

/** Approvals that are requested for one call, for example because its tool keeps changing. Then the call fails. */
export const APPROVALS_PER_CALL = 8;

/** Target of a call in an approval request. The middle of a longer one is left out. */
export const APPROVAL_TARGET_CHARACTERS = 4096;
/** The definition of a tool and the previous one in an approval request, as JSON. If they are longer, the previous schema is left out. */
export const APPROVAL_DEFINITION_BYTES = 192 * 1024;

// Journal and streams
/** Runs whose state is cached. The least recently used are dropped. */
export const CACHED_RUNS = 2048;
/** Newest events that are cached where this server is the only writer. The oldest tapes are dropped. */
export const CACHED_TAPE_BYTES = 16 * 1024 * 1024;
/** Appends whose outcomes are reported in one turn of the event loop: the next step of a run takes up to a millisecond. */
export const APPENDS_REPORTED_PER_TURN = 8;
/**
 * Work of one transaction, in characters of the texts that it stores: a commit holds the event loop for a few milliseconds. Appends
 * beyond it wait for the next transaction; one with more work has a transaction of its own.
 */
export const COMMIT_WORK = 64 * 1024;
/** Storing an event or another row takes as long as so many characters of text. */
export const ROW_WORK = 200;
/** Appends that wait for a commit. A further append is refused as busy. */
export const QUEUED_APPENDS = 20_000;
/** Connections of one server to Postgres, without the one that listens. Further statements wait for a connection. */
export const DATABASE_CONNECTIONS = 12;
/** Time that notifications for other servers are gathered before they are sent together. */
export const NOTIFICATION_DELAY_MILLISECONDS = 5;
/** Time between two polls of the followed tapes while notifications of other servers do not arrive. */
export const TAPE_POLL_MILLISECONDS = 500;
/** Events in one page that a follower reads from the journal. */
export const FOLLOW_PAGE_EVENTS = 200;
/** Events buffered for one live follower. A slower one loses the buffer and reads pages again. */
export const FOLLOW_BUFFER_EVENTS = 256;
/** Newest changes that a server keeps in memory for followers of activity. A slower one reads pages. */
export const ACTIVITY_WINDOW_ITEMS = 1000;
/** Time that one transaction of Postgres delays the feed of changes. Then it is logged. */
export const ACTIVITY_DELAY_SECONDS = 5;
/** Time that changes are kept, by default and at most. Older ones are deleted, and cursors before them expire. */
export const ACTIVITY_RETENTION_DAYS = 7;
export const MAX_ACTIVITY_RETENTION_DAYS = 3650;
/** Time between two polls of a follower, which detect a missed notification. */
export const FOLLOW_POLL_SECONDS = 5;

// Storage
/** A SQLite database of this size is small: no statement on it takes long, and none needs a thread of its own. */
export const SMALL_DATABASE_BYTES = 2 * 1024 * 1024;
/** SQLite writes in a thread of its own if writes take this long, or if this many runs wait for a commit, on average. */
export const WRITER_THREAD_THRESHOLDS = { milliseconds: 5, callers: 1.5 };
/** Statements of one owner that wait for the thread of long reads. A further one is refused as busy. */
export const SCANS_PER_OWNER = 1000;
/** Free bytes of a disk, by default. With less, new messages and uploads are refused. */
export const FREE_BYTES = 64 * 1024 * 1024;
/** With so many bytes left of its quota, the bytes of a principal are not counted again for its messages in this time. */
export const AMPLE_BYTES = 64 * 1024 * 1024;
export const QUOTA_SECONDS = 5;
/** Principals for which this is remembered. */
export const CACHED_QUOTAS = 4096;
/** Time between two checks of the free space. */
export const FREE_SPACE_SECONDS = 10;
/** Longest configurable time of inactivity after which sessions are archived or purged. */
export const MAX_RETENTION_DAYS = 36_500;
/** Time between two searches for sessions to archive or purge. */
export const RETENTION_SECONDS = 60 * 60;
/** Sessions that one step of such a search looks at, and those that it archives or purges. The next step continues. */
export const RETENTION_PAGE_SESSIONS = 500;
export const RETENTION_BATCH_SESSIONS = 50;

// Context
/** Earlier runs that one model call is shown. Older ones are left out or covered by a summary. */
export const HISTORY_RUNS = 200;
/** Message events that are read from the tape of one run. The limits of a run keep it below that. */
export const MESSAGE_EVENTS = 10_000;
/** Memories that one model call is shown. */
export const SHOWN_MEMORIES = 5;
/** Failed summaries in one run. Then the run goes on without one. */
export const SUMMARY_FAILURES = 2;
/** One summary. A longer one is discarded and counts as failed. */
export const SUMMARY_BYTES = 64 * 1024;

/** Tools that an agent lists. More are refused. */
export const AGENT_TOOLS = 1024;
/** Versions of all agents of one owner, deleted agents included. A change that needs a further one is refused. */
export const AGENT_VERSIONS = 10_000;

/** Agents in the configuration. They are stored in one transaction, which takes some milliseconds for each. */
export const CONFIGURED_AGENTS = 256;

// Names and texts of clients. Longer ones are refused.
export const SESSION_KEY_BYTES = 200;
export const TITLE_BYTES = 200;
export const IDEMPOTENCY_KEY_BYTES = 200;
export const REASON_CHARACTERS = 2000;
export const AGENT_NAME_BYTES = 100;
export const INSTRUCTIONS_BYTES = 64 * 1024;
export const MEMORY_BYTES = 8 * 1024;
export const MEMORY_TAGS = 16;
export const TAG_CHARACTERS = 64;
export const PRINCIPAL_CHARACTERS = 200;
/** Keys in the metadata of one session or message, and the length of a key and of a value in code points. */
export const METADATA_KEYS = 16;
export const METADATA_KEY_CHARACTERS = 64;
export const METADATA_VALUE_CHARACTERS = 512;
/** Time that an idempotency key is remembered. Afterwards it can be used again. */
export const IDEMPOTENCY_SECONDS = 24 * 60 * 60;
/** Memories of one owner, by default. A further one is refused. */
export const MEMORIES_PER_OWNER = 10_000;
/** The largest quota of sessions or memories. */
export const MAX_COUNT = 2 ** 31 - 1;
/** Longest time until a memory expires, if it expires. A longer one is refused. */
export const MEMORY_SECONDS = 10 * 365 * 24 * 60 * 60;

// Embeddings. If a limit is exceeded, the call has failed; searches then use full text only.
/** Memories in one call. */
export const EMBEDDING_BATCH_MEMORIES = 32;
/** Time for one call with memories. A failed call is repeated later. */
export const EMBEDDING_BATCH_SECONDS = 60;
/** Time for one call with a search query. */
export const EMBEDDING_QUERY_SECONDS = 3;
/** Search query that is embedded. The rest is cut off: the windows of these models are small. */
export const EMBEDDING_QUERY_CHARACTERS = 2000;
/** Time without calls for search queries after one has failed. */
export const EMBEDDING_PAUSE_SECONDS = 30;
/** First delay before a failed batch is repeated. It doubles up to EMBEDDING_POLL_SECONDS. */
export const EMBEDDING_RETRY_SECONDS = 1;
/** Time between two searches for memories without a vector, such as those of a server that crashed. */
export const EMBEDDING_POLL_SECONDS = 60;
/** Length of one vector. */
export const EMBEDDING_DIMENSIONS = 16_384;
/** One response as JSON. */
export const EMBEDDING_RESPONSE_BYTES = 16 * 1024 * 1024;

// Requests of clients
/** One HTTP body or WebSocket message. A longer body gets status 413; a longer message closes the socket with 1009. */
export const BODY_BYTES = 512 * 1024;
/** Levels, values and members of objects in one body or message as JSON, counted before it is parsed. With more it is refused. */
export const BODY_LEVELS = JSON_LEVELS + 16;
export const BODY_VALUES = 50_000;
export const BODY_MEMBERS = 5000;
/** Errors that are reported for the variables of one operation, and for its document. Each repeats work. */
export const VARIABLE_ERRORS = 2;
export const VALIDATION_ERRORS = 5;
/** Connections of one IP address at a time. A further one is closed. Behind a proxy all clients have one address. */
export const CONNECTIONS_PER_ADDRESS = 10_000;
/** Subscriptions of one principal on one server at a time. A further one is refused. */
export const SUBSCRIPTIONS_PER_PRINCIPAL = 10_000;
/**
 * Points of one principal: a query costs 1. Each whole POINT_BYTES of a request cost one more; they are charged before anything is
 * parsed. Without enough points a request is refused with the time to wait.
 */
export const POINTS_PER_MINUTE = 6000;
export const REQUEST_POINTS = 1;
export const POINT_BYTES = 16 * 1024;
/** An operation costs one more point for each whole number of objects that it can read, and of bytes of a long result. */
export const POINT_OBJECTS = 100;
export const RESULT_POINT_BYTES = 64 * 1024;
/** For each page of history after the first that a follower reads, in addition to one point for POINT_OBJECTS events. Live events are free. */
export const FOLLOW_PAGE_POINTS = 0.05;
/** A request of this length takes milliseconds to parse. Such requests are parsed in different turns of the event loop. */
export const LONG_REQUEST_BYTES = 4 * 1024;
export const MUTATION_POINTS = 5;
export const SUBSCRIPTION_POINTS = 5;
/** Principals whose points are counted. The least recently active are forgotten and get all points again. */
export const COUNTED_PRINCIPALS = 100_000;
/** Time for the headers of a request, for all of it, and between two checks. A slower client is disconnected. */
export const REQUEST_HEADER_SECONDS = 10;
export const REQUEST_SECONDS = 60;
export const SLOW_REQUEST_CHECK_SECONDS = 5;
/** Time that a connection stays open without a request. Longer than in proxies, so that they close first. */
export const IDLE_CONNECTION_SECONDS = 65;
/** Time to answer a query or mutation. Then the client gets an error; statements on Postgres end earlier. */
export const OPERATION_SECONDS = 60;
/** WebSockets that are not authenticated yet, in all and of one address. A further one is refused with status 503. */
export const UNAUTHENTICATED_SOCKETS = 4000;
export const UNAUTHENTICATED_SOCKETS_PER_ADDRESS = 2000;
/** What a WebSocket may send before it is authenticated, all messages and fragments together. With more it is closed with 1009. */
export const UNAUTHENTICATED_BYTES = 16 * 1024;
/** Time for a WebSocket to send `connection_init`. Then it is closed with 4408. */
export const CONNECTION_INIT_SECONDS = 3;
/** Fragments of one message, and pieces in which they arrive. With more the socket is closed. */
export const SOCKET_FRAGMENTS = 4096;
/** Operations of one WebSocket at a time. A further one is refused. */
export const OPERATIONS_PER_SOCKET = 1000;
/** Time that a closing WebSocket waits for its client. Then it is cut off. */
export const SOCKET_CLOSE_SECONDS = 2;
/** Time between two pings on a WebSocket, or comments in an event stream. Proxies cut silent connections after a minute. */
export const KEEP_ALIVE_SECONDS = 12;
/** Items of one page of a list, by default and at most. A larger page is refused. */
export const DEFAULT_PAGE_ITEMS = 25;
export const MAX_PAGE_ITEMS = 100;
/** Items that `totalCount` of a list counts. A longer list is reported as this long, and the count as inexact. */
export const COUNTED_ITEMS = 10_000;

// GraphQL documents. Beyond these an operation is refused before it is executed.
/** GraphiQL's introspection has 250, generated documents have a few hundred. */
export const DOCUMENT_TOKENS = 2500;
export const DOCUMENT_COMMENTS = 1000;
/** Text of a document. The longest message fits in it, though texts belong in variables. */
export const DOCUMENT_CHARACTERS = 160 * 1024;
/** The position of each error is found by counting lines. */
export const DOCUMENT_LINES = 5000;
/** Nested braces, brackets and parentheses: fields, arguments, and a JSON value inside them. The parser is recursive. */
export const DOCUMENT_BRACKETS = 160;
/** Nested fields. Introspection by tools has 15. */
export const DOCUMENT_LEVELS = 20;
/** Each alias can repeat the same work. */
export const DOCUMENT_ALIASES = 50;
export const DOCUMENT_DIRECTIVES = 100;
/** Operations and fragments. Validation visits each several times. */
export const DOCUMENT_DEFINITIONS = 120;
/** Pairs of fields with the same response name at the same place. Validation compares each pair. */
export const DOCUMENT_OVERLAPS = 4000;
/** Fields of one selection set, without fragments. */
export const SELECTION_FIELDS = 200;
/** Objects that an operation can read, by the sizes of its pages. Two nested pages of the largest size exceed it. */
export const OPERATION_OBJECTS = 10_000;
/** From here on, each page of a list is completed in another turn of the event loop. */
export const LONG_OPERATION_OBJECTS = 500;
/** Result of one operation as JSON. A longer one is not sent. The longest answer of a model fits in it. */
export const RESULT_BYTES = 24 * 1024 * 1024;
/** Stored texts that are read at a time for a result. */
export const RESULT_READ_BYTES = 2 * 1024 * 1024;
/**
 * What introspection costs in comparison with reading objects, by its levels of nested lists. The introspection of tools has two, the
 * types and their fields, and takes as long as reading thousands of objects. One with more levels is refused.
 */
export const INTROSPECTION_OBJECTS: readonly number[] = [1, 250, 6000];
export const NESTED_INTROSPECTION_OBJECTS = 10 * OPERATION_OBJECTS;
/** What counting a list, and summing up usage, cost in comparison with reading an object. */
export const COUNT_OBJECTS = 25;
export const USAGE_REPORT_OBJECTS = 100;
/** Validated documents that are cached. The least recently used are dropped. */
export const CACHED_DOCUMENT_BYTES = 32 * 1024 * 1024;

// Models
/** Name of a model in the configuration. A longer one is refused. */
export const MODEL_NAME_CHARACTERS = 100;
/** Time until the first byte of a response. A local model can load its weights first. Then the attempt fails. */
export const MODEL_FIRST_BYTE_SECONDS = 300;
/** Silence within a response. Then the attempt fails. */
export const MODEL_IDLE_SECONDS = 120;
/** One line of a stream, or one response that is not streamed. Beyond it the attempt fails. */
export const PROVIDER_LINE_BYTES = 4 * 1024 * 1024;
/** Part of an error response that is read. */
export const PROVIDER_ERROR_BYTES = 64 * 1024;
/** Tool calls in one response. Beyond it the attempt fails. */
export const PROVIDER_TOOL_CALLS = 256;
/** Attempts at one model call, including the first. Then the next fallback is tried. */
export const MODEL_ATTEMPTS = 3;
/** Attempts at one step whose response was interrupted, including the first. Then the run fails. */
export const MODEL_STEP_ATTEMPTS = 3;
/** Failed calls in a row, each after its attempts, that open the circuit, and the time that the model is then not called. */
export const CIRCUIT_FAILURES = 5;
export const CIRCUIT_PAUSE_SECONDS = 30;
/** Longest `Retry-After` that is waited for. With a longer one the call fails at once. */
export const MODEL_RETRY_AFTER_SECONDS = 60;

// Budgets
/** Budgets in the configuration, and of one agent. */
export const BUDGETS = 32;
/** The longest answer that is requested where a budget applies and the model has no `maxOutputTokens`. */
export const BUDGET_ANSWER_TOKENS = 16_384;
/** Where less is left for the answer, the call is not made. */
export const BUDGET_LEAST_ANSWER_TOKENS = 256;
/** Time that a call waits while calls in progress have reserved what is left. Then the limit counts as reached. */
export const BUDGET_WAIT_SECONDS = 30;
/** The most by which one decision can raise a budget, in tokens or cost. */
export const BUDGET_INCREASE = 1e12;

// JSON Schemas of other parties
/** Processor time to compile one schema. A tool with a slower one is left out. */
export const SCHEMA_COMPILE_MILLISECONDS = 5000;
/** Processor time for one check. Then the value is refused. */
export const SCHEMA_CHECK_MILLISECONDS = 2000;
/** Timeouts, with slow requests as parts of one, after which no schema of the same MCP server is used until it connects again. */
export const SCHEMA_TIMEOUTS = 2;
/** Time for which the schemas of a principal count together in the same way. */
export const SCHEMA_PRINCIPAL_SECONDS = 10 * 60;
/** Memory of the thread that compiles and checks schemas. A schema that needs more counts as a timeout. */
export const SCHEMA_MEMORY_MEGABYTES = 128;
/** Compiled schemas that the thread keeps. Others are compiled again. */
export const SCHEMAS_IN_MEMORY = 1024;
/** One `pattern`. A longer one is left out of its schema. */
export const SCHEMA_PATTERN_CHARACTERS = 1000;
/** Texts that are compared with a `pattern` or `format`. A longer one is not compared. */
export const SCHEMA_TEXT_CHARACTERS = 16 * 1024;

// MCP servers
/** Name of a server in the configuration. A longer one is refused. */
export const MCP_SERVER_NAME_CHARACTERS = 64;
/** Time for one call, by default and at most. Then the call fails. */
export const MCP_CALL_SECONDS = 60;
export const MCP_MAX_CALL_SECONDS = 60 * 60;
/** Time for the handshake: `npx` can download the server first. Then the server is restarted. */
export const MCP_START_SECONDS = 120;
/** Time that resumed calls wait for a server that is starting. Then they fail. */
export const MCP_READY_WAIT_SECONDS = 30;
/** First and longest delay before a restart. The delay doubles with each failure in a row. */
export const MCP_RESTART_DELAY_SECONDS = 0.5;
export const MCP_MAX_RESTART_DELAY_SECONDS = 60;
/** A server that ran this long restarts with the first delay. */
export const MCP_STABLE_SECONDS = 60;
/** Time for a server to exit before the next signal: end of input, SIGTERM, SIGKILL. */
export const MCP_STOP_SECONDS = 2;
/** Time between two pings of an HTTP server, which does not report that it stops. */
export const MCP_PING_SECONDS = 15;
/** Shortest and longest time after which a server may ask to be connected again to an event stream. Others are ignored. */
export const MCP_RECONNECT_SECONDS = 0.5;
export const MCP_MAX_RECONNECT_SECONDS = 60;
/** Shortest time between two pings. A message with an error causes one at once. */
export const MCP_PING_PAUSE_SECONDS = 1;
/** Pings in a row without an answer. Then the server counts as lost. */
export const MCP_UNANSWERED_PINGS = 3;
/** Questions to persons that one call asks, refused ones included. At the next one the server gets an error. */
export const MCP_QUESTIONS_PER_CALL = 16;
/** Fields of one form. With more the server gets an error. */
export const MCP_QUESTION_FIELDS = 100;
/** Link of a question. For a longer one the server gets an error. */
export const MCP_QUESTION_URL_CHARACTERS = 2048;
/** Calls on one connection that wait for persons. At the next question the server gets an error. */
export const MCP_WAITING_CALLS = 64;
/** Time between two progress reports about a question that waits, if the server wants them. */
export const MCP_QUESTION_REPORT_SECONDS = 10;
/** Connections of one server that may ask, one for each owner of sessions. With more owners at the same time, calls fail. */
export const MCP_OWNERS = 64;
/** Time without a call after which the connection of an owner is closed. */
export const MCP_OWNER_IDLE_SECONDS = 10 * 60;
/** Time between two requests for the tools of a server that keeps changing them. */
export const MCP_REFRESH_SECONDS = 1;
/** Tools, and pages of the list, of one server. Later ones are left out. */
export const MCP_TOOLS = 256;
export const MCP_TOOL_PAGES = 64;
/** Tools of one server whose definitions are remembered, also after it has dropped them. Calls of further ones need an approval. */
export const MCP_KNOWN_TOOLS = 1024;
/** Description of a tool. The rest is cut off. */
export const MCP_DESCRIPTION_CHARACTERS = 8000;
/** Input schema of a tool, or its output schema, as JSON. A tool with a longer one is left out. */
export const MCP_SCHEMA_BYTES = 64 * 1024;
/** One message of a server, decompressed: the largest output in base64 fits. Beyond it the server is restarted. */
export const MCP_MESSAGE_BYTES = 8 * 1024 * 1024;
/** The same for the levels, values and members of one message, and for the members of its first three levels, which take longer. */
export const MCP_MESSAGE_LEVELS = 1000;
export const MCP_MESSAGE_VALUES = 250_000;
export const MCP_MESSAGE_MEMBERS = 100_000;
export const MCP_OUTER_MEMBERS = 2000;
/**
 * Messages of one server take this part of the time of the event loop, by an estimate for each message and its bytes, after a number of
 * milliseconds that it can use at once. Faster ones wait in the connection.
 */
export const MCP_TIME_PART = 0.25;
export const MCP_TIME_MILLISECONDS = 500;
/** Messages that are read in one turn of the event loop. */
export const MCP_MESSAGES_PER_TURN = 8;
/** Responses of an HTTP server that have not ended, on one connection. With more it is restarted. */
export const MCP_OPEN_RESPONSES = 1024;
/** Responses with a status 1xx to one request, which come before the real one. With more the request fails. */
export const MCP_INTERIM_RESPONSES = 16;
/** Messages in one JSON body, which are all read in one turn. With more the server is restarted. */
export const MCP_BATCH_MESSAGES = 16;
/** Replies that a server has not accepted yet. With more it is restarted. */
export const MCP_UNREAD_REPLIES = 256;
/** Blocks in the result of a call. With more the call fails. */
export const MCP_RESULT_BLOCKS = 2048;
/** Characters of one line, and lines in one minute, that a stdio server writes to stderr. The rest is not logged. */
export const MCP_STDERR_CHARACTERS = 1000;
export const MCP_STDERR_LINES = 120;
/** Reason why a server failed, in the log and in `lastError`. The rest is cut off. */
export const MCP_FAILURE_CHARACTERS = 300;

// The command `doctor`
/** Time for a model, an embedding model or an object store to answer. A model that runs on this machine may have to be loaded first. */
export const DOCTOR_ANSWER_SECONDS = 30;
/** Time for an MCP server to list its tools. */
export const DOCTOR_MCP_SECONDS = 30;
/** The longest answer that is requested of a model. Some providers allow no smaller number. */
export const DOCTOR_OUTPUT_TOKENS = 16;
/** Less free space on a disk is reported. */
export const DOCTOR_FREE_BYTES = 1024 * 1024 * 1024;
/** A larger difference between the clocks of this machine and of the database is reported. */
export const CLOCK_DIFFERENCE_SECONDS = 5;

// Metrics, traces and the audit log
/** Metrics that are requested more often are the same text. */
export const METRICS_CACHE_SECONDS = 1;
/** Between two readings of the size of the database, for the metrics. */
export const DATABASE_SIZE_SECONDS = 60;
/** Resolution of the measured delay of the event loop. */
export const LOOP_DELAY_MILLISECONDS = 20;

/** Time in which equal refused attempts are one entry of the audit log. */
export const AUDIT_WINDOW_SECONDS = 300;
/** Entries of one kind of refused attempt in that time. Further ones are counted together. */
export const AUDIT_WINDOW_ENTRIES = 20;
/** Those of one principal, so that it does not hide the attempts of others. Further ones are counted together as its own. */
export const AUDIT_PRINCIPAL_ENTRIES = 5;
/** How long the audit log is kept. */
export const AUDIT_RETENTION_DAYS = 90;
export const MAX_AUDIT_RETENTION_DAYS = 3650;

/** Runs that have ended and whose traces are not exported yet. Further ones are left out; they can be exported by the command. */
export const QUEUED_TRACES = 1000;
/** How long ended runs are gathered for one export, and how many of them begin it earlier. */
export const TRACE_GATHER_SECONDS = 1;
export const TRACE_BATCH_RUNS = 100;
/** Spans in one request to the collector. */
export const EXPORTED_SPANS = 500;
/** Time in which the collector must accept a request, repetitions included, and in which the last ones are sent when the server stops. */
export const TRACE_EXPORT_SECONDS = 10;
