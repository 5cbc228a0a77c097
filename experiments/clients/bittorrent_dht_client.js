// bittorrent-dht as a client: `bittorrent_dht_client.js IP PORT BOOTSTRAP DIR`, driven by lines as README.md says.
// BITTORRENT_DHT names the module's index.js: it is not in a node_modules folder above this file.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [ip, port, bootstrap] = process.argv.slice(2)
const { Client } = await import(pathToFileURL(process.env.BITTORRENT_DHT))

const dht = new Client({ bootstrap: [bootstrap] })
dht.on('error', (error) => console.error('error:', error.message))
dht.on('warning', (error) => console.error('warning:', error.message))
dht.listen(Number(port), ip, () => console.log('ready'))

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [command, infohash] = line.split(' ')
    if (command === 'lookup') dht.lookup(infohash, (error, nodes) => console.log('done', infohash, error ? error.message : nodes))
    else if (command === 'stop') process.exit(0)
    else console.error('no such command:', line)
  })
  .on('close', () => process.exit(0))
