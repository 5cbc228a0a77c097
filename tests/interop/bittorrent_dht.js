// One bittorrent-dht node, driven by JSON lines on standard input and output.
//
//     node bittorrent_dht.js PATH/TO/bittorrent-dht/index.js IP PORT BOOTSTRAP_IP:PORT
//
// Every request is one line {"id": N, "do": NAME, ...}, answered by one line {"id": N, ...}:
//
//     status    {}                                 -> {"nodes": size of the routing table, "ready": bool}
//     announce  {"infohash": HEX, "port": N}       -> {"nodes": how many nodes accepted}
//     lookup    {"infohash": HEX}                  -> {"found": [{"peer": "IP:PORT", "from": "IP:PORT"}]}
//     key       {"seed": HEX}                      -> {"public_key": HEX}
//     put       {"value": TEXT}, for a mutable item with {"seed": HEX, "salt": TEXT, "seq": N}
//                                                  -> {"target": HEX, "nodes": how many accepted}
//     get       {"target": HEX, "salt": TEXT}      -> {"value": TEXT or null, "seq": N or null}
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [modulePath, ip, port, bootstrap] = process.argv.slice(2)
// Not in a node_modules folder above this file, so it cannot be imported by name.
const { Client } = await import(pathToFileURL(modulePath))

const dht = new Client({ bootstrap: [bootstrap], verify: verifySignature })
const lookups = new Map() // infohash -> found, while a lookup runs

dht.listen(Number(port), ip)
dht.on('error', (error) => console.error('error:', error.message))
dht.on('warning', (error) => console.error('warning:', error.message))
dht.on('peer', (peer, infohash, from) => {
  const found = lookups.get(infohash.toString('hex'))
  if (found) found.push({ peer: name(peer), from: from ? name(from) : null })
})

function name ({ host, address, port }) {
  return `${host || address}:${port}`
}

// ed25519 by node itself, which takes keys in these wrappings only (RFC 8410)
function secretKey (seed) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

function publicKey (seed) {
  return createPublicKey(secretKey(seed)).export({ format: 'der', type: 'spki' }).subarray(-32)
}

function verifySignature (signature, message, key) {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

function answer (id, reply) {
  process.stdout.write(JSON.stringify({ id, ...reply }) + '\n')
}

const actions = {
  status: ({ id }) => answer(id, { nodes: dht.toJSON().nodes.length, ready: Boolean(dht.ready) }),
  announce: ({ id, infohash, port }) => {
    // For five minutes announce() goes to the nodes of the last lookup: look up again, to meet new nodes.
    dht.lookup(infohash, () => {
      dht.announce(infohash, port, (error, nodes) => answer(id, error ? { error: error.message } : { nodes }))
    })
  },
  key: ({ id, seed }) => answer(id, { public_key: publicKey(seed).toString('hex') }),
  put: ({ id, value, seed, salt, seq }) => {
    const item = { v: Buffer.from(value) }
    if (seed) {
      Object.assign(item, { k: publicKey(seed), seq, sign: (bytes) => sign(null, bytes, secretKey(seed)) })
      if (salt) item.salt = Buffer.from(salt)
    }
    dht.put(item, (error, target, nodes) => {
      answer(id, error ? { error: error.message } : { target: target.toString('hex'), nodes })
    })
  },
  get: ({ id, target, salt }) => {
    // not from its own store
    const options = { cache: false }
    if (salt) options.salt = salt
    dht.get(target, options, (error, found) => {
      const value = found && found.v ? found.v.toString() : null
      answer(id, error ? { error: error.message } : { value, seq: found && found.seq !== undefined ? found.seq : null })
    })
  },
  lookup: ({ id, infohash }) => {
    const found = []
    lookups.set(infohash, found)
    dht.lookup(infohash, (error) => {
      lookups.delete(infohash)
      answer(id, error ? { error: error.message, found } : { found })
    })
  }
}

const input = createInterface({ input: process.stdin })
input.on('line', (line) => {
  const request = JSON.parse(line)
  const action = actions[request.do]
  if (action) action(request)
  else answer(request.id, { error: `no such action: ${request.do}` })
})
// The suite has gone: so must we.
input.on('close', () => process.exit(0))
