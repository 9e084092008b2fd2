// Parts of lanewise come on demand: a worker needs modules for that, which Vite's default format for workers has not.
export default { worker: { format: 'es' } }
