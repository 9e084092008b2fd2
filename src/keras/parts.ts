import { later } from '../core/later.js'

const nodes =
  "what writes this model's nodes has not come yet: await loadLayers() first, or exportOnnx() in place of toOnnx()"
const steps = 'it comes with fit, evaluate and the steps of a model; elsewhere await loadLayers() first'

/** The classes of layers on images. */
export const imageClasses = /* @__PURE__ */ later(nodes, () => import('./layers/image-classes.js'))

/** The terms of metrics of thresholds. */
export const confusion = /* @__PURE__ */ later(steps, () => import('./metrics/confusion.js'))

/** The terms of scores and correlations. */
export const scoreTerms = /* @__PURE__ */ later(steps, () => import('./metrics/score-terms.js'))

/** The updates of rarer optimizers. */
export const rareUpdates = /* @__PURE__ */ later(steps, () => import('./optimizers/rare-updates.js'))

/** The values of rarer losses. */
export const rareValues = /* @__PURE__ */ later(steps, () => import('./losses/rare-values.js'))

/** The buckets that strings and integers have, as the host finds them. */
export const fingerprints = /* @__PURE__ */ later(steps, () => import('../core/fingerprint.js'))

/** What takes the strings off a network, for the host. */
export const stringEdge = /* @__PURE__ */ later(steps, () => import('./string-edge.js'))

const all = () => [fingerprints, imageClasses, confusion, scoreTerms, rareUpdates, rareValues]

/** Loads all that writes nodes and comes by need. */
export const loadParts = (): Promise<unknown> => Promise.all(all().map((part) => part.load()))
