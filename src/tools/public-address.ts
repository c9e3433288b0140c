import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

/** Every address of a name, without brackets or ports. Rejects where there is none. */
export type LookUp = (name: string) => Promise<readonly string[]>;
/** Whether an IP address may be connected to. */
export type IsAllowed = (address: string) => boolean;

const localNames = ['localhost', 'localdomain', 'local', 'internal', 'home.arpa'];
/** What IANA has given out for the public internet so far; the rest of IPv6 holds local and embedded addresses. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
/** The host agent of Azure's machines: routed like a public address, answered by the machine's own host. */
const azureHostAgent = '168.63.129.16';

/** Whether an IP address in its usual notation is one that anybody on the internet would reach. */
export function isPublicAddress(address: string): boolean {
  // The strict notation first: parsers disagree about octal, hexadecimal and short forms.
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed.kind() === 'ipv4') return address !== azureHostAgent;
  return parsed.match(globalUnicast) && !isTunnelToIpv4(parsed.toByteArray());
}

/**
 * Whether an address is this machine's own, be it a public one: what listens on every address of it, behind a firewall,
 * would be reached from the inside.
 */
export function isOwnAddress(address: string, interfaces = networkInterfaces()): boolean {
  const bare = (text: string) => ipaddr.parse(text.replace(/%.*$/, '')).toString();
  return Object.values(interfaces).some((entries) => entries?.some((own) => bare(own.address) === bare(address)));
}

/** ISATAP (RFC 5214): an IPv4 address behind 0000:5efe or 0200:5efe, under any prefix. */
function isTunnelToIpv4(bytes: number[]): boolean {
  const marker = Buffer.from(bytes).readUInt32BE(8);
  return marker === 0x00005efe || marker === 0x02005efe;
}

/**
 * Why a URL must not be fetched, or null. Names that stand for no address yet pass; `publicLookup` judges them.
 * The URL parser has turned every notation of an IPv4 address into the usual one before.
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
 * A lookup for `net.connect`: the connection goes to the very addresses that were checked, so a name
 * that changes its answer gains nothing. One address that is not allowed refuses them all.
 */
export function publicLookup(lookUp: LookUp, isAllowed: IsAllowed, signal: AbortSignal): LookupFunction {
  const check = async (name: string) => {
    const addresses = await lookUp(name);
    // A socket must not be opened for a call that is over.
    signal.throwIfAborted();
    if (!addresses.every((address) => isIP(address) !== 0 && isAllowed(address))) {
      throw new Error(`"${name}" leads to an address that is not public; it cannot be fetched.`);
    }
    const [first, ...others] = addresses.map((address) => ({ address, family: isIP(address) }));
    if (first === undefined) throw new Error(`"${name}" has no address.`);
    return { first, all: [first, ...others] };
  };
  return (name, options, callback) => {
    check(name).then(
      ({ first, all }) => (options.all ? callback(null, all) : callback(null, first.address, first.family)),
      (error) => callback(error, []),
    );
  };
}
