import type { Engine, EngineSettings } from './engine.js'
import { isPage } from './files.js'
import { RemoteEngine } from './remote.js'

/** An engine beside a page's thread; elsewhere one on the calling thread, a chunk of its own that pages seldom need. */
export const openEngine = async (settings: EngineSettings): Promise<Engine> =>
  isPage() ? new RemoteEngine(settings) : (await import('./engine.js')).startEngine(settings)
