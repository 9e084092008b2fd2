#!/usr/bin/env node
import * as modules from 'node:module'

// Node 22 and newer keep compiled scripts between processes; it must be asked for before the command's modules load.
;(modules as { enableCompileCache?: () => unknown }).enableCompileCache?.()
await import('./main.js')
