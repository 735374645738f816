// Nodes of webtorrent's DHT, driven by JSON lines: a request on stdin, its answer on stdout.
//
//   node driver.js <host:port to join by> <host> [<host> ...]
//
//   {"id": 1, "node": 0, "do": "put", "value": "<base64>", "seed": "<base64>", "salt": "<base64>", "seq": 7, "cas": 6}
//   {"id": 1, "ok": {"target": "<hex>", "stored": 1, "refused": [301, 301]}}   or   {"id": 1, "error": "..."}

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { createInterface } from 'node:readline'
import DHT from 'bittorrent-dht'

const PORT = 6881
// what stands in DER before a raw Ed25519 key (RFC 8410): node:crypto takes no raw ones
const SECRET = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC = Buffer.from('302a300506032b6570032100', 'hex')

const bytes = (text) => text === undefined ? undefined : Buffer.from(text, 'base64')
const secretKey = (seed) => createPrivateKey({ key: Buffer.concat([SECRET, seed]), format: 'der', type: 'pkcs8' })
const publicKey = (raw) => createPublicKey({ key: Buffer.concat([PUBLIC, raw]), format: 'der', type: 'spki' })
const rawPublicKey = (key) => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(PUBLIC.length)

const [entry, ...hosts] = process.argv.slice(2)
const nodes = []

// webtorrent looks around once, at its start: so they start one by one, and the first of them knows all before
function start (number) {
  if (number === hosts.length) return
  const dht = new DHT({
    bootstrap: number ? [entry, `${hosts[0]}:${PORT}`] : [entry],
    host: hosts[number],
    verify: (signature, message, key) => verify(null, message, publicKey(key), signature)
  })
  dht.listen(PORT, hosts[number])
  dht.once('ready', () => {
    nodes.push(dht)
    start(number + 1)
  })
}

// of a put it tells how many stored it, and nothing of the others' codes
function noteRefusals (dht) {
  const refused = []
  const query = dht._rpc.query
  dht._rpc.query = (node, message, done) => query.call(dht._rpc, node, message, (error, ...rest) => {
    if (message.q === 'put' && error) refused.push(error.code)
    done(error, ...rest)
  })
  return { refused, forget: () => { dht._rpc.query = query } }
}

const deeds = {
  contacts: (_dht, _request, done) => done(null, nodes.length < hosts.length ? 0 : Math.min(...nodes.map(contacts))),

  put (dht, request, done) {
    const options = { v: bytes(request.value) }
    if (request.seed !== undefined) {
      const secret = secretKey(bytes(request.seed))
      options.k = rawPublicKey(secret)
      options.seq = request.seq
      options.sign = (message) => sign(null, message, secret)
      if (request.salt) options.salt = bytes(request.salt)
      if (request.cas !== undefined) options.cas = request.cas
    }
    const { refused, forget } = noteRefusals(dht)
    const target = dht.put(options, (error, _target, stored) => {
      forget()
      done(refused.length ? null : error, { target: target.toString('hex'), stored: stored ?? 0, refused })
    })
  },

  get (dht, request, done) {
    // from its own copy it would answer without asking anybody
    dht.get(request.target, { salt: request.salt && bytes(request.salt), cache: false }, (error, found) => {
      done(error, found && { value: found.v.toString('base64'), seq: found.seq ?? 0 })
    })
  }
}

const contacts = (dht) => dht.toJSON().nodes.length
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const request = JSON.parse(line)
    deeds[request.do](nodes[request.node], request, (error, ok) => {
      say(error ? { id: request.id, error: error.message } : { id: request.id, ok })
    })
  })
  .on('close', () => process.exit(0))

start(0)
