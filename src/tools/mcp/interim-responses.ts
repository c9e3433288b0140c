import type { Dispatcher } from 'undici';
import { MCP_INTERIM_RESPONSES } from '../../config/limits.ts';

/** Fails a request with more interim responses (status 1xx) than that: a server could send them without end, and each takes time. */
export const boundInterimResponses: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  let interim = 0;
  return dispatch(options, {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
    onResponseStart(controller, statusCode, headers, statusMessage) {
      if (statusCode < 200) interim += 1;
      if (interim <= MCP_INTERIM_RESPONSES)
        return handler.onResponseStart?.(controller, statusCode, headers, statusMessage);
      controller.abort(new Error(`It sent more than ${MCP_INTERIM_RESPONSES} interim responses to a request.`));
    },
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
  });
};
