import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

/** Resolves a host name to all its addresses, without brackets or ports. Rejects if there is none. */
export type LookUp = (name: string) => Promise<readonly string[]>;
/** Whether an IP address can be connected to. */
export type IsAllowed = (address: string) => boolean;

const localNames = ['localhost', 'localdomain', 'local', 'internal', 'home.arpa'];
/** The range that IANA assigns public addresses from. The rest of IPv6 is local or embeds other addresses. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
/** Agent of Azure hosts: looks like a public address, but the host itself answers. */
const azureHostAgent = '168.63.129.16';

/** Whether an IP address, in its canonical notation, is reachable from anywhere on the internet. */
export function isPublicAddress(address: string): boolean {
  // Parsers disagree about octal, hexadecimal and short forms, so only the strict notation is accepted.
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed.kind() === 'ipv4') return address !== azureHostAgent;
  return parsed.match(globalUnicast) && !isTunnelToIpv4(parsed.toByteArray());
}

/**
 * Whether an address belongs to this machine. Even a public one must not be reached: from here, requests bypass the firewall
 * in front of services that listen on all addresses.
 */
export function isOwnAddress(address: string, interfaces = networkInterfaces()): boolean {
  const canonical = (text: string) => ipaddr.parse(text.replace(/%.*$/, '')).toString();
  return Object.values(interfaces).some((entries) =>
    entries?.some((entry) => canonical(entry.address) === canonical(address)),
  );
}

/** ISATAP (RFC 5214): an IPv4 address after 0000:5efe or 0200:5efe, under any prefix. */
function isTunnelToIpv4(bytes: number[]): boolean {
  const interfaceId = Buffer.from(bytes).readUInt32BE(8);
  return interfaceId === 0x00005efe || interfaceId === 0x02005efe;
}

/**
 * Why a URL must not be fetched, or null. Host names pass unless they are local; `createPublicLookup` checks their addresses.
 * The URL parser has already converted every notation of an IPv4 address to the canonical one.
 */
export function refuseUrl(url: URL, isAllowed: IsAllowed): string | null {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'Only http and https URLs can be fetched.';
  if (url.username !== '' || url.password !== '') return 'The URL must not contain a user name or a password.';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return isAllowed(host) ? null : `${host} is not a public address; it cannot be fetched.`;
  const name = host.toLowerCase().replace(/\.+$/, '');
  const isLocal = localNames.some((local) => name === local || name.endsWith(`.${local}`));
  return isLocal ? `"${name}" is a local name; only public hosts can be fetched.` : null;
}

/**
 * A lookup for `net.connect` that refuses a name if one of its addresses is not allowed. The connection goes to the addresses
 * that were checked, so a name that changes its addresses afterwards (DNS rebinding) gains nothing.
 */
export function createPublicLookup(lookUp: LookUp, isAllowed: IsAllowed, signal: AbortSignal): LookupFunction {
  const resolve = async (name: string) => {
    const addresses = await lookUp(name);
    // The call can have ended during the lookup; then no socket is opened.
    signal.throwIfAborted();
    if (!addresses.every((address) => isIP(address) !== 0 && isAllowed(address))) {
      throw new Error(`"${name}" resolves to an address that is not public; it cannot be fetched.`);
    }
    const [first, ...others] = addresses.map((address) => ({ address, family: isIP(address) }));
    if (first === undefined) throw new Error(`"${name}" has no address.`);
    return { first, all: [first, ...others] };
  };
  return (name, options, callback) => {
    resolve(name).then(
      ({ first, all }) => (options.all ? callback(null, all) : callback(null, first.address, first.family)),
      (error) => callback(error, []),
    );
  };
}
