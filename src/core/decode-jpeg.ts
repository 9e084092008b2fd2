export { decode } from 'jpeg-js'
