// Takes the place of open-engine.ts in the builds that no page loads.
export { startEngine as openEngine } from './engine.js'
