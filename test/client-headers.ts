/** The `Accept` headers with which GraphQL clients post queries and mutations, and the media type of the response. */
export const clientHeaders: { client: string; accept?: string; mediaType: string }[] = [
  {
    client: '@apollo/client 4',
    accept: 'application/graphql-response+json,application/json;q=0.9',
    mediaType: 'application/graphql-response+json',
  },
  {
    client: '@urql/core 6',
    accept:
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
    mediaType: 'application/graphql-response+json',
  },
  {
    client: 'graphql-request 7',
    accept: 'application/graphql-response+json, application/json',
    mediaType: 'application/graphql-response+json',
  },
  {
    client: 'Relay, as create-relay-app sets it up',
    accept: 'application/graphql-response+json; charset=utf-8, application/json; charset=utf-8',
    mediaType: 'application/graphql-response+json',
  },
  { client: 'Relay with fetch, by its documentation', accept: '*/*', mediaType: 'application/json' },
  { client: 'axios', accept: 'application/json, text/plain, */*', mediaType: 'application/json' },
  { client: 'a client without the header', mediaType: 'application/json' },
];
