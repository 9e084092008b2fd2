// Nothing here is for lanewise: webpack finds its kernels and workers by itself.
export default { mode: 'production', entry: './app.js', experiments: { topLevelAwait: true } }
