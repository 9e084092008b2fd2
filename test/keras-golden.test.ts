import { test } from 'uvu'
import { testGoldenRuns } from './support/golden.js'

testGoldenRuns()

test.run()
