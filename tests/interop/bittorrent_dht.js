// One bittorrent-dht node, driven by JSON lines on standard input and output.
//
//     node bittorrent_dht.js PATH/TO/bittorrent-dht/index.js IP PORT BOOTSTRAP_IP:PORT
//
// Every request is one line {"id": N, "do": NAME, ...}, answered by one line {"id": N, ...}:
//
//     status    {}                                 -> {"nodes": size of the routing table, "ready": bool}
//     announce  {"infohash": HEX, "port": N}       -> {"nodes": how many nodes accepted}
//     lookup    {"infohash": HEX}                  -> {"found": [{"peer": "IP:PORT", "from": "IP:PORT"}]}
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [modulePath, ip, port, bootstrap] = process.argv.slice(2)
// Not in a node_modules folder above this file, so it cannot be imported by name.
const { Client } = await import(pathToFileURL(modulePath))

const dht = new Client({ bootstrap: [bootstrap] })
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
